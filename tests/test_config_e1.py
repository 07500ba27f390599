"""``[[e1]]``: its tables are the configurations of the room ``e1``, with their defaults, limits and checks."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any, Literal, get_args, get_origin

import pytest

from e1.carriers.satop import SatopConfig
from e1.g704.alarms import AlarmConfig
from e1.lapb.config import LapbConfig
from e1.settings import limits
from e1.stream import StreamConfig
from e1.voice.rtp import JitterConfig as RtpJitter
from e1.x25.config import X25Config
from sorm_mediator import config
from sorm_mediator.carriers import satop_config, stream_config
from sorm_mediator.config import ConfigError, E1Config
from sorm_mediator.mediator.binding.voice_gateway import VoiceGateway


def stream(**keys: Any) -> E1Config:
    return config.parse({"e1": [keys]}).e1[0]


def test_without_keys_both_ends_are_as_the_room_has_them() -> None:
    near = stream_config(stream())
    assert near == StreamConfig(lapb=LapbConfig(role="dce"), x25=X25Config(role="dce"))
    far = stream_config(stream(), far_end=True)
    assert far == StreamConfig(lapb=LapbConfig(role="dte"), x25=X25Config(role="dte", calls=True))


@pytest.mark.parametrize(
    ("table", "source", "decided_elsewhere"),
    [
        ("lapb", LapbConfig, {"role"}),
        ("x25", X25Config, {"role", "transport", "calls"}),
        ("alarms", AlarmConfig, set()),
        ("satop", SatopConfig, {"jitter_packets"}),
    ],
)
def test_every_field_is_a_key_that_reaches_the_stream(
    table: str, source: Any, decided_elsewhere: set[str]
) -> None:
    model = type(getattr(E1Config(), table))
    keys = {field.name for field in dataclasses.fields(source)} - decided_elsewhere
    assert keys <= set(model.model_fields)
    for name in keys:
        default = getattr(E1Config(), table).__getattribute__(name)
        value = other(source, name, default)
        needed = {"lapb": {"n1": 5000}} if name.endswith("packet_size") else {}
        told = stream(**(needed | {table: needed.get(table, {}) | {name: value}}))
        if table == "satop":
            reached = getattr(satop_config(told), name)
        else:
            reached = getattr(getattr(stream_config(told), table), name)
        assert reached == value != default, name
        assert type(reached) is type(value)


def other(source: type, name: str, default: Any) -> Any:
    """A value of a key that is allowed and isn't the default."""
    kind, limit = limits(source)[name]
    if kind is bool:
        return not default
    if get_origin(kind) is Literal:
        return next(each for each in get_args(kind) if each != default)
    if kind is str:
        return "250011"
    if name == "buffer_packets":
        return 77
    for value in (default * 2, default + 2, default + 1, default - 1, default - 2 * limit.step, 7):  # type: ignore[union-attr]
        if value != default and limit.allows(value) and not (name == "t2" and value >= 3):  # type: ignore[union-attr]
            return kind(value)
    raise AssertionError(f"{name}: no other value found")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"lapb": {"k": 9}}, ["e1.0.lapb.k", "9", "at most 7"]),
        ({"lapb": {"t2": 5}}, ["e1.0.lapb.t2 = 5.0", "less than t1"]),
        ({"lapb": {"role": "dte"}}, ["e1.0.lapb.role: unknown key", "poll_in_s0"]),
        ({"lapb": {"preset": "bsd"}}, ["e1.0.lapb.preset", "'bsd'", "'x25' or 'linux'"]),
        ({"x25": {"packet_size": 100}}, ["e1.0.x25.packet_size", "100", "128"]),
        ({"x25": {"packet_size": 256}}, ["e1.0.lapb.n1 = 135", "256", "263"]),
        ({"x25": {"t20": 0}}, ["e1.0.x25.t20", "more than 0"]),
        ({"x25": {"called_address": "Moscow"}}, ["e1.0.x25.called_address = 'Moscow'", "15 digits"]),
        ({"alarms": {"multiframe_frames": 65}}, ["e1.0.alarms.multiframe_frames", "65", "multiple of 2"]),
        ({"alarms": {"lof_shown_as": "RAI"}}, ["e1.0.alarms.lof_shown_as", "'RAI'", "'LOMF'"]),
        ({"satop": {"payload": 100}}, ["e1.0.satop.payload", "100", "multiple of 32"]),
        ({"satop": {"buffer_packets": 30}}, ["e1.0.satop.buffer_packets = 30", "jitter = 30", "allow more"]),
        ({"silence": 256}, ["e1.0.silence", "256", "255"]),
    ],
)
def test_a_mistake_names_key_value_and_what_is_allowed(keys: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        stream(**keys)
    for part in told:
        assert part in str(caught.value)


@pytest.mark.parametrize("role", ["dte", "dce"])
def test_the_preset_is_what_linux_does_and_other_keys_win(role: str) -> None:
    told = stream(mode=role, lapb={"preset": "linux"})
    assert stream_config(told).lapb == LapbConfig.linux(role)  # type: ignore[arg-type]
    told = stream(mode=role, lapb={"preset": "linux", "t1": 2.0, "too_long": "frmr"})
    linux = LapbConfig.linux(role)  # type: ignore[arg-type]
    assert stream_config(told).lapb == dataclasses.replace(linux, t1=2.0, too_long="frmr")


def test_the_caller_may_be_either_side() -> None:
    told = stream(x25={"circuit": "svc", "caller": "dce"})
    assert stream_config(told).x25.calls
    assert not stream_config(told, far_end=True).x25.calls


def test_both_ends_of_a_circuit_agree_and_one_follows_the_clock_of_the_other() -> None:
    told = stream(jitter=40, satop={"payload": 512, "rtp": True})
    near, far = satop_config(told), satop_config(told, far_end=True)
    assert (near.payload, near.rtp) == (far.payload, far.rtp) == (512, True)
    assert (near.jitter_packets, far.jitter_packets) == (20, 2)
    assert (near.clock, far.clock) == ("own", "received")
    told = stream(satop={"clock": "received"})
    assert (satop_config(told).clock, satop_config(told, far_end=True).clock) == ("received", "own")


def test_speech_and_its_lines_are_settings_too() -> None:
    voice = VoiceGateway(config.parse({"rtp": {"jitter": {"depth": 480}}}).rtp)
    assert voice.matrix.jitter == RtpJitter(depth=480)
    with pytest.raises(ConfigError, match=r"rtp\.jitter\.depth = 1600: allowed is .* limit, which is 1600"):
        config.parse({"rtp": {"jitter": {"depth": 1600}}})
    turned = list(reversed(range(1, 29)))
    told = stream(ksl_timeslots=turned, kpd1_timeslot=29)
    assert stream_config(told).ksl_timeslots == tuple(turned)
    for wrong in ([1] * 28, list(range(28)), [*range(1, 28), 31]):
        with pytest.raises(ValueError, match="timeslot"):
            stream_config(stream(ksl_timeslots=wrong))


def test_the_schema_tells_defaults_limits_and_meaning() -> None:
    schema = config.Config.model_json_schema()["$defs"]
    t3 = schema["LapbConfig"]["properties"]["t3"]
    assert (t3["default"], t3["minimum"]) == (60.0, 0)
    assert "idle channel" in t3["description"]
    assert schema["X25Config"]["properties"]["in_doubt"]["enum"] == ["report", "repeat"]
    assert schema["SatopConfig"]["properties"]["payload"]["multipleOf"] == 32
    for table in ("LapbConfig", "X25Config", "AlarmConfig", "SatopConfig"):
        assert all(each["description"] for each in schema[table]["properties"].values())


def test_a_lab_over_tcp_is_read_without_numpy() -> None:
    code = "import sys, sorm_mediator.config as c; c.parse({'e1': [{}]}); print('numpy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "False"
