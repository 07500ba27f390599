"""What a smart licence keeps over a restart, and how damage of it is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from sorm_mediator.errors import BoxError
from sorm_mediator.switch.smart import state
from sorm_mediator.switch.smart.agent import SmartStateFile
from tests.switch.smart.conftest import DAY, START, Scene


def test_the_evaluation_goes_on_and_the_time_between_counts() -> None:
    scene = Scene()
    serial = scene.client.serial
    scene.run(30 * DAY)
    scene.restart()
    scene.now += 10 * DAY
    scene.restart()
    assert scene.client.evaluation_left(scene.now) == 50 * DAY
    assert scene.client.serial == serial
    scene.now += 50 * DAY
    scene.restart()
    assert scene.mode == "EvalExpired"
    assert scene.refuses


def test_registration_and_authorisation_go_on() -> None:
    scene = Scene(purchased=5)
    assert scene.register() == scene.authorise() == ""
    scene.restart()
    assert (scene.mode, scene.client.state.value) == ("OutOfCompliance", "OUT_OF_COMPLIANCE")
    assert scene.authorise() == "", "the kept key signs what the cloud accepts"
    assert scene.cloud.usage().in_use == 10, "it is the same device, and counts once"


def test_an_authorisation_that_ended_meanwhile_is_over() -> None:
    scene = Scene()
    assert scene.register() == scene.authorise() == ""
    scene.now += 91 * DAY
    scene.restart()
    assert scene.mode == "AuthorizationExpired"
    scene.restart()
    assert scene.mode == "AuthorizationExpired"
    assert scene.authorise() == ""
    assert scene.mode == "InCompliance"


def test_a_deregistered_switch_stays_so() -> None:
    scene = Scene()
    assert scene.register() == scene.authorise() == scene.deregister() == ""
    scene.restart()
    assert scene.client.registration is None
    assert scene.client.state.value == "EVAL"


def test_a_registration_with_another_cloud_is_given_up() -> None:
    scene = Scene()
    assert scene.register() == scene.authorise() == ""
    scene.run(40 * DAY)
    scene.restart(other_cloud=True)
    assert (scene.mode, scene.client.registration) == ("Evaluation", None)
    assert scene.client.evaluation_left(scene.now) == 50 * DAY
    assert "registration given up:the licence cloud is another one" in scene.lines


def test_a_clock_behind_the_kept_time_gives_nothing_back() -> None:
    scene = Scene()
    scene.run(91 * DAY)
    assert scene.mode == "EvalExpired"
    kept = scene.client.kept(scene.now)
    later = Scene()
    later.client.resume(kept, START)
    assert later.mode == "EvalExpired"
    assert later.refuses
    assert "the clock stepped back" in later.client.summary(START)["Latest Failure Reason"]


def test_more_days_in_the_lab_file_hold_for_the_evaluation_that_began() -> None:
    scene = Scene(evaluation_days=1)
    scene.run(2 * DAY)
    assert scene.refuses
    scene.client.config = scene.client.config.model_copy(update={"evaluation_days": 3.0})
    scene.restart()
    assert scene.client.evaluation_left(scene.now) == DAY


def test_any_damage_is_seen() -> None:
    scene = Scene()
    scene.register()
    octets = state.written(scene.client.kept(scene.now)).encode()
    for place in range(0, len(octets) - 1, 7):  # the last octet is the end of the line
        with pytest.raises(state.DamageError):
            state.read(octets[:place] + bytes([octets[place] ^ 1]) + octets[place + 1 :])
        with pytest.raises(state.DamageError):
            state.read(octets[:place])


@pytest.mark.parametrize("line", ["{}", "[]", "x", '{"serial": 1}', '{"latest": NaN}'])
def test_a_right_sum_over_something_else_is_damage_too(line: str) -> None:
    import hashlib

    with pytest.raises(state.DamageError):
        state.read(f"{line}\n{hashlib.sha256(line.encode()).hexdigest()}\n".encode())


def test_a_key_that_is_none_is_damage() -> None:
    scene = Scene()
    scene.register()
    kept = scene.client.kept(scene.now)
    assert kept.registration is not None
    wrong = kept.registration.model_copy(update={"key": "-----BEGIN PRIVATE KEY-----\nx\n"})
    with pytest.raises(state.DamageError, match="key: is no private key in PEM"):
        state.read(state.written(kept.model_copy(update={"registration": wrong})).encode())


def test_a_damaged_file_is_moved_aside_and_told(tmp_path: Path) -> None:
    path = tmp_path / "smart.state"
    file = SmartStateFile(path)
    assert file.load(START) == (None, "")
    path.write_bytes(b"\x00\xff")
    kept, damage = file.load(START)
    assert kept is None
    assert "the file was damaged (its SHA-256 is wrong) and moved aside to smart.state.damaged-2017" in damage
    (aside,) = tmp_path.iterdir()
    assert aside.read_bytes() == b"\x00\xff"
    again = Scene().client.kept(START)
    file.write(again)
    assert file.load(START) == (again, "")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_can_not_be_used_is_an_error_with_its_key(tmp_path: Path) -> None:
    folder = SmartStateFile(tmp_path)
    with pytest.raises(
        BoxError, match=r"switch\.smart_licence\.state_file: .*: can't be read: Is a directory"
    ):
        folder.load(START)
    nowhere = SmartStateFile(tmp_path / "nowhere" / "smart.state")
    with pytest.raises(
        BoxError, match=r"switch\.smart_licence\.state_file: .*: can't be written: No such file"
    ):
        nowhere.write(Scene().client.kept(START))
