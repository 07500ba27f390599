"""The licence in a whole lab: what the console, the log, HTTP and the metrics say when it refuses something."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from protocol import AddKsl, AddObject, Category, GroupType, Ksl, NumberSign, ObjectType, Priority, Start
from sorm_mediator.lab.lab import Lab
from sorm_mediator.switch.changes.licence import delete_licence
from tests.lab.test_lab import command, kpd1, lab_config

NO_SORM = "licence 0 has no SORM (its SORM limit 'enabled')"


def on_control(object_number: int, number: str) -> AddObject:
    return AddObject(
        object_number,
        ObjectType.OWN_SUBSCRIBER,
        NumberSign.OWN,
        number,
        None,
        Category.COMBINED,
        1,
        Priority.NORMAL,
    )


def with_licence(tmp_path: Path, **licence: Any) -> Any:
    domain = {
        "name": "test.domain",
        "password": "123",
        "subscribers": [{"number": "28331"}, {"number": "28332"}],
    }
    ssh = {"user": "test.domain", "password": "123"}
    return lab_config(tmp_path, switch={"domains": [domain], "licence": licence}, ssh=ssh)


async def test_a_licence_that_is_deleted_cuts_nothing_and_refuses_what_is_new(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Lab(with_licence(tmp_path)) as lab:
        assert lab.switch is not None
        assert lab.gateway is not None
        assert lab.gateway.link is not None
        async with httpx.AsyncClient(base_url=lab.web_url, trust_env=False) as http:
            reader, writer = await kpd1(lab)
            assert await command(reader, writer, Start()) == [0, 0]
            group = AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1))
            assert await command(reader, writer, group) == [0, 0]
            assert await command(reader, writer, on_control(1, "28331")) == [0, 0]
            before = (await http.get("/api/v1/status")).json()["licence"]

            node = lab.switch.engine.node
            delete_licence(node, 1)

            assert await command(reader, writer, on_control(2, "28332")) == [0, 0x31]
            node.config = node.config.model_copy(update={"not_licensed_code": 0x73})
            assert await command(reader, writer, on_control(2, "28332")) == [0, 0x73]
            status = (await http.get("/api/v1/status")).json()
            metrics = (await http.get("/metrics")).text
            writer.close()

        assert f"an object is not put under control: {NO_SORM}" in caplog.text
        assert (before["number"], before["units"]["sorm_channels"]) == (1, {"in_use": 1, "limit": 20})
        assert before["units"]["subscribers"] == {"in_use": 2, "limit": None}
        assert status["switch"]["state"] == "up"
        assert status["licence"]["number"] == 0
        assert status["licence"]["sorm_enabled"] is False
        assert status["licence"]["units"] == {
            "concurrent_calls": {"in_use": 0, "limit": 5},
            "sorm_channels": {"in_use": 1, "limit": 0},
            "subscribers": {"in_use": 2, "limit": 10},
        }
        assert "\nsorm_licence 0.0\n" in metrics
        assert '\nsorm_licence_in_use{limit="sorm_channels"} 1.0\n' in metrics
        assert '\nsorm_licence_limit{limit="concurrent_calls"} 5.0\n' in metrics


async def test_a_mediator_that_the_licence_keeps_out_is_told_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with Lab(with_licence(tmp_path, installed=False)) as lab:
        assert lab.gateway is not None
        assert lab.gateway.link is not None
        link = lab.gateway.link.status()
        reader, writer = await kpd1(lab)
        assert await command(reader, writer, Start()) == [0, 0]
        group = AddKsl(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1))
        assert await command(reader, writer, group) == [0, 0]
        assert await command(reader, writer, on_control(1, "28331")) == [0, 1], "no switch to ask"
        writer.close()

    assert link["state"] == "refused"
    assert NO_SORM in link["reason"]
    assert f"switch.licence: {NO_SORM}: no mediator will be let in" in caplog.text
    assert f"of test.domain refused: {NO_SORM}" in caplog.text


async def test_a_lab_that_declares_more_subscribers_than_its_licence_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Lab(with_licence(tmp_path, subscribers=1), boxes="switch") as lab:
        assert lab.switch is not None
        assert len(lab.switch.engine.domains["test.domain"].subscribers) == 2

    assert "switch.licence: licence 1 allows 1 subscribers, and 2 are declared" in caplog.text


async def test_a_switch_alone_tells_its_licence(tmp_path: Path) -> None:
    async with (
        Lab(with_licence(tmp_path, concurrent_calls=1, expires="2999-12-31"), boxes="switch") as lab,
        httpx.AsyncClient(base_url=f"{lab.web_url}/api/v1/", trust_env=False) as http,
    ):
        calls = "switch/domains/test.domain/calls"
        first = await http.post(calls, json={"a": "28331", "b": "28332", "talk": 60})
        second = await http.post(calls, json={"a": "28332", "b": "28331"})
        licence = (await http.get("switch/licence")).json()
        call = (await http.get(f"calls/{first.json()['call']}")).json()

    assert (first.status_code, second.status_code) == (202, 503)
    assert second.json()["detail"].startswith(
        "licence 1 allows 1 simultaneous connections (max call attempts)"
    )
    assert licence["units"]["concurrent_calls"] == {"in_use": 1, "limit": 1}
    assert (licence["number"], licence["expires"]) == (1, 32_503_680_000.0)
    assert call["units"] == 1
