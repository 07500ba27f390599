"""``/metrics``: whatever the boxes count is there, as Prometheus reads it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from protocol import (
    AddObject,
    Category,
    Channel,
    CommandExecuted,
    GetVersion,
    NumberSign,
    ObjectType,
    Priority,
    Release,
    Start,
)
from sorm_mediator import config
from sorm_mediator.lab.lab import Lab, on_free_ports, over_e1
from sorm_mediator.web.metrics import SHOWN, Shown, documents, places
from tests.mediator.gateway_harness import Console

CONTRIB = Path(__file__).parents[2] / "contrib"

NOT_COUNTS = (
    "mediator.orm_number", "mediator.pair_in_use", "mediator.blocked", "mediator.switch.switch.*",
    "switch.calls", "switch.multisorm.*", "switch.faults.*", "switch.radius.*",
    "streams.*.stream", "streams.*.channels.*.t1", "streams.*.channels.*.resets",
)  # fmt: skip
"""Numbers that are no counts, or stand elsewhere too: calls in states, radius in outboxes, t1 and resets in lapb."""

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """What Prometheus reads."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def numbers(document: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float | None]]:
    """Every number of a document, with the keys that lead to it."""
    if isinstance(document, Mapping):
        for key, inner in document.items():
            yield from numbers(inner, (*path, str(key)))
    elif isinstance(document, list):
        for index, inner in enumerate(document):
            yield from numbers(inner, (*path, str(index)))
    elif isinstance(document, int | float):
        yield path, document


def of_place(shown: Shown, path: tuple[str, ...]) -> bool:
    pattern = re.escape(shown.place).replace(r"\.", ".")
    pattern = re.sub(r"\\\{\w+\\\}", "[^\x00]+", pattern).replace(".", "\x00")
    text = "\x00".join(path)
    inner = "(?:\x00.*)?" if shown.kind in ("summary", "histogram") else ""
    return re.fullmatch(pattern + inner, text) is not None


def known(path: tuple[str, ...]) -> bool:
    text = ".".join(path)
    return any(re.fullmatch(re.escape(place).replace(r"\*", ".*"), text) for place in NOT_COUNTS)


LAB = {
    "mediator": {"state": ":memory:", "journal": "journal.db"},
    "switch": {
        "smart_licence": {"enabled": True},
        "domains": [
            {
                "name": "test.domain",
                "password": "123",
                "subscribers": [{"number": "28331"}, {"number": "28332"}],
            }
        ],
    },
    "ssh": {"port": 0},
}


@pytest.mark.parametrize("link", ["tcp", "x25"])
async def test_each_number_that_the_boxes_tell_has_a_metric_and_the_scrape_its_value(
    link: str, tmp_path: Path
) -> None:
    """A new counter in a status has no metric, and this fails: declare it in ``SHOWN``."""
    file = config.parse(LAB, directory=tmp_path)
    async with AsyncExitStack() as stack:
        lab = await stack.enter_async_context(Lab(on_free_ports(file) if link == "tcp" else over_e1(file)))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=lab.web_url))
        if link == "tcp":
            await main_job(lab, http)
        found, text = documents(lab.web_app.state), (await http.get("/metrics")).text
        later = documents(lab.web_app.state)
    counted = [path for path, _ in numbers(found) if not known(path)]
    assert [".".join(path) for path in counted if not any(of_place(shown, path) for shown in SHOWN)] == []
    read = samples(text)
    compared = 0
    for shown in SHOWN:
        if shown.kind != "counter" or link != "tcp" or shown.name == "sorm_web":
            continue
        for keys, value in places(found, shown.place):
            if isinstance(value, Mapping):
                continue
            named = [
                key for key, part in zip(keys, shown.place.split("."), strict=True) if part.startswith("{")
            ]
            labels = frozenset(zip(shown.labels, named, strict=True))
            after = dict(places(later, shown.place))[keys]
            assert value <= read[shown.sample, labels] <= after, (shown.name, labels)
            compared += 1
    assert compared > 50 or link != "tcp"


async def main_job(lab: Lab, http: httpx.AsyncClient) -> None:
    """A number under control, and its call to the end."""
    kpd1 = await Console.connect(lab.endpoints["kpd1"])
    kpd2 = await Console.connect(lab.endpoints["kpd2"], Channel.KPD2)
    own = ObjectType.OWN_SUBSCRIBER, NumberSign.OWN
    for command in (
        Start(),
        AddObject(258, *own, "28331", None, Category.STATISTICAL, None, Priority.NORMAL),
    ):
        kpd1.send(command)
        await kpd1.until(CommandExecuted, command=command.code, status=0)
    wrong = GetVersion(password="654321")
    kpd1.send(wrong)
    await kpd1.until(CommandExecuted, command=wrong.code)
    call = {"a": "28331", "b": "28332", "talk": 0.05}
    assert (await http.post("/api/v1/switch/domains/test.domain/calls", json=call)).status_code == 202
    await kpd2.until(Release)
    kpd1.close()
    kpd2.close()


async def test_what_is_counted_is_told_by_name_and_result(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        lab = await stack.enter_async_context(Lab(on_free_ports(config.parse(LAB, directory=tmp_path))))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=lab.web_url))
        await main_job(lab, http)
        text = (await http.get("/metrics")).text
    for line in (
        'sorm_commands_total{answer="28h",command="add-object",status="00h"} 1.0',
        'sorm_commands_total{answer="28h",command="get-version",status="03h"} 1.0',
        'sorm_messages_sent_total{message="release"} 1.0',
        'sorm_switch_request_seconds_count{op="add"} 1.0',
        'sorm_switch_request_seconds_bucket{le="+Inf",op="add"} 1.0',
        'sorm_switch_calls_released_total{cause="05h"} 1.0',
        'sorm_lines{state="free"} 0.0',
    ):
        assert f"\n{line}\n" in text
    assert re.search(r'\nsorm_build_info\{python="[\d.]+",version="[\d.]+"\} 1.0\n', text)
    assert "\nprocess_resident_memory_bytes " in text


def test_names_are_as_prometheus_wants_them() -> None:
    assert len({shown.sample for shown in SHOWN}) == len(SHOWN)
    for shown in SHOWN:
        assert re.fullmatch(r"sorm_[a-z][a-z0-9_]*", shown.name)
        assert not shown.name.endswith("_total")
        assert not re.search(r"_(ms|milliseconds|minutes|kb)$", shown.name), "base units"
        assert shown.text
        assert not shown.text.endswith(".")


# --- the dashboard and the rules

NAME = re.compile(r"\b(?:sorm|process)_\w+")
SELECTOR = re.compile(r"\b((?:sorm|process)_\w+)\{([^}]*)\}")
PROCESS = {
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
}


def expressions() -> list[str]:
    dashboard = json.loads((CONTRIB / "grafana" / "dashboard.json").read_text())
    rules = yaml.safe_load((CONTRIB / "prometheus" / "alerts.yml").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    asked = [variable["query"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    return shown + asked + [rule["expr"] for group in rules["groups"] for rule in group["rules"]]


def sample_names(shown: Shown) -> set[str]:
    parts = {"summary": ("_count", "_sum"), "histogram": ("_count", "_sum", "_bucket")}
    return {shown.name + part for part in parts.get(shown.kind, ())} or {shown.sample}


def test_every_metric_and_label_of_the_dashboard_and_the_rules_exists() -> None:
    by_sample = {name: shown for shown in SHOWN for name in sample_names(shown)}
    used: set[str] = set()
    for expression in expressions():
        assert balanced(expression), expression
        names = set(NAME.findall(re.sub(r'"[^"]*"', '""', expression)))
        assert names, expression
        used |= names
        for name, selectors in SELECTOR.findall(expression):
            labels = set(re.findall(r"(\w+)\s*(?:=|!=|=~|!~)", selectors)) - {"job", "instance", "le"}
            shown = by_sample.get(name)
            assert labels <= set(() if shown is None else shown.labels), expression
            state = re.search(r'state="([^"]+)"', selectors)
            if state and shown is not None and shown.states:
                assert state[1] in shown.states, expression
    assert used - PROCESS <= set(by_sample)
    assert len(used) > 25


def balanced(expression: str) -> bool:
    """Whether each bracket outside of texts is closed by its own kind."""
    closing, opened = {")": "(", "]": "[", "}": "{"}, []
    for sign in re.sub(r'"[^"]*"', "", expression):
        if sign in "([{":
            opened.append(sign)
        elif sign in closing and (not opened or opened.pop() != closing[sign]):
            return False
    return not opened


PROMTOOL = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool of Debian's package prometheus is missing"
)


def promtool(*arguments: str, text: str = "") -> None:
    done = subprocess.run(["promtool", "check", *arguments], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@PROMTOOL
def test_promtool_accepts_the_rules_and_the_expressions_of_the_dashboard(tmp_path: Path) -> None:
    promtool("rules", str(CONTRIB / "prometheus" / "alerts.yml"))
    plain = [one.replace("$__rate_interval", "5m").replace("$instance", ".*") for one in expressions()]
    rules = [
        {"record": f"checked:{n}", "expr": one} for n, one in enumerate(plain) if "label_values" not in one
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("rules", str(file))


@PROMTOOL
async def test_promtool_has_nothing_to_say_of_the_names(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        lab = await stack.enter_async_context(Lab(over_e1(config.parse(LAB, directory=tmp_path))))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=lab.web_url))
        text = (await http.get("/metrics")).text
    await asyncio.to_thread(promtool, "metrics", text=text)


def test_each_alert_says_what_to_do() -> None:
    rules = yaml.safe_load((CONTRIB / "prometheus" / "alerts.yml").read_text())
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}
