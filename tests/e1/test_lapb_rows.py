"""The state table of LAPB, cell by cell: what X.25 2.4 and what Linux 6.1 do, told by what the peer and layer 3 see.

A cell reads ``what is sent and told -> state after``, with ``T1`` behind it if T1 runs then.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from e1.events import ChannelAlarm
from e1.lapb.config import DeliverPacket, LapbConfig, LapbEffect, LinkDown, LinkUp, Role, SendFrame
from e1.lapb.machine import LAPB_TABLE, VARIANTS, Lapb, LapbEvent, LapbState

NOW = 100.0
DTE_COMMAND, DTE_RESPONSE = 0x01, 0x03
STATES = ("S0", "S1", "S2", "S3", "S4")
NAMES = {0x2F: "SABM", 0x6F: "SABME", 0x43: "DISC", 0x0F: "DM", 0x63: "UA", 0x87: "FRMR"}
NUMBERED = {0x01: "RR", 0x05: "RNR", 0x09: "REJ"}


def in_words(frame: bytes, role: Role) -> str:
    """A frame that the end with ``role`` sent, e.g. ``UA F=1``; commands show P, responses F."""
    commands = DTE_COMMAND if role == "dte" else DTE_RESPONSE
    bit = f"{'P' if frame[0] == commands else 'F'}={frame[1] >> 4 & 1}"
    if frame[1] & 1 == 0:
        return f"I{frame[1] >> 1 & 7} {bit}"
    if frame[1] & 2 == 0:
        return f"{NUMBERED[frame[1] & 0x0F]}{frame[1] >> 5} {bit}"
    return f"{NAMES[frame[1] & 0xEF]} {bit}" + (f" {frame[2:].hex()}" if len(frame) > 2 else "")


def told(effects: list[LapbEffect], role: Role) -> str:
    words = []
    for effect in effects:
        match effect:
            case SendFrame(frame):
                words.append(in_words(frame, role))
            case DeliverPacket():
                words.append("deliver")
            case LinkUp(reset=reset):
                words.append("reset" if reset else "up")
            case LinkDown():
                words.append("down")
            case ChannelAlarm():
                words.append("alarm")
    return ", ".join(words) or "nothing"


def cell(link: Lapb, effects: list[LapbEffect]) -> str:
    timer = " T1" if link.next_deadline() == NOW + link.config.t1 else ""
    return f"{told(effects, link.config.role)} -> {link.state}{timer}"


def response(role: Role) -> int:
    """The address of a response that the end with ``role`` receives."""
    return DTE_COMMAND if role == "dte" else DTE_RESPONSE


def command(role: Role) -> int:
    return DTE_RESPONSE if role == "dte" else DTE_COMMAND


def link_in(state: str, config: LapbConfig) -> Lapb:
    """A link that came to ``state`` some time ago."""
    link = Lapb(config)
    if state != "S0":
        link.connect(0)
    if state in ("S2", "S3", "S4"):
        link.received(bytes((response(config.role), 0x73)), 0)
    if state == "S2":
        link.disconnect(0)
    if state == "S4":
        link.received(bytes((response(config.role), 0xA1)), 0)
    assert link.state == state
    return link


Input = Callable[[Lapb], list[LapbEffect]]


def receive_command(*octets: int) -> Input:
    return lambda link: link.received(bytes((command(link.config.role), *octets)), NOW)


def receive_response(*octets: int) -> Input:
    return lambda link: link.received(bytes((response(link.config.role), *octets)), NOW)


def first_t1(link: Lapb) -> list[LapbEffect]:
    if link.state in (LapbState.S0, LapbState.S3):
        link.timers[LapbEvent.T1] = NOW
    link.timers = dict.fromkeys(link.timers, NOW)
    return link.tick(NOW)


def last_t1(link: Lapb) -> list[LapbEffect]:
    link.attempts = link.config.n2
    return first_t1(link)


def t2(link: Lapb) -> list[LapbEffect]:
    link.received(bytes((command(link.config.role), 0x00, 0x41)), 0)
    return link.tick(NOW) if link.state is LapbState.S3 else []


def t3(link: Lapb) -> list[LapbEffect]:
    link.timers.clear()
    link.idle(True, NOW - link.config.t3)
    return link.tick(NOW)


def carrier_back(link: Lapb) -> list[LapbEffect]:
    return link.carrier(True, NOW)


def carrier_lost(link: Lapb) -> list[LapbEffect]:
    return link.carrier(False, NOW)


INPUTS: dict[str, tuple[LapbEvent, Input]] = {
    "SABM P=1": (LapbEvent.SABM, receive_command(0x3F)),
    "SABM P=0": (LapbEvent.SABM, receive_command(0x2F)),
    "SABME P=1": (LapbEvent.SABME, receive_command(0x7F)),
    "DISC P=1": (LapbEvent.DISC, receive_command(0x53)),
    "DISC P=0": (LapbEvent.DISC, receive_command(0x43)),
    "UA F=1": (LapbEvent.UA_F1, receive_response(0x73)),
    "UA F=0": (LapbEvent.UA_F0, receive_response(0x63)),
    "DM F=1": (LapbEvent.DM_F1, receive_response(0x1F)),
    "DM F=0": (LapbEvent.DM_F0, receive_response(0x0F)),
    "I command P=1": (LapbEvent.POLL, receive_command(0x10, 0x41)),
    "RR command P=1": (LapbEvent.POLL, receive_command(0x11)),
    "RNR command P=1": (LapbEvent.POLL, receive_command(0x15)),
    "REJ command P=1": (LapbEvent.POLL, receive_command(0x19)),
    "RR command P=0": (LapbEvent.COMMAND, receive_command(0x01)),
    "I command P=0": (LapbEvent.COMMAND, receive_command(0x00, 0x41)),
    "RR response F=0": (LapbEvent.RESPONSE, receive_response(0x01)),
    "RR response F=1": (LapbEvent.RESPONSE, receive_response(0x11)),
    "FRMR": (LapbEvent.FRMR, receive_response(0x97, 0x11, 0x02, 0x08)),
    "undefined control": (LapbEvent.UNDEFINED, receive_command(0x13)),
    "SARM": (LapbEvent.UNDEFINED, receive_command(0x0F)),
    "RR with information": (LapbEvent.INFORMATION, receive_command(0x11, 0x00)),
    "FRMR of two octets": (LapbEvent.INFORMATION, receive_response(0x97, 0x11, 0x02)),
    "I longer than N1": (LapbEvent.TOO_LONG, receive_command(0x10, *bytes(132))),
    "N(R) invalid": (LapbEvent.BAD_NR, receive_response(0xA1)),
    "N(R) invalid in a command": (LapbEvent.BAD_NR, receive_command(0xB1)),
    "T1": (LapbEvent.T1, first_t1),
    "T1 after N2": (LapbEvent.T1_N2, last_t1),
    "T2": (LapbEvent.T2, t2),
    "T3": (LapbEvent.T3, t3),
    "connect": (LapbEvent.CONNECT, lambda link: link.connect(NOW)),
    "disconnect": (LapbEvent.DISCONNECT, lambda link: link.disconnect(NOW)),
    "line down": (LapbEvent.CARRIER_LOST, carrier_lost),
    "line back": (LapbEvent.CARRIER_BACK, carrier_back),
}

S4_FRMR = "FRMR F=0 a11008"
ROWS: dict[str, tuple[str, str, str, str, str]] = {
    "SABM P=1": (
        "UA F=1, up -> S3",
        "UA F=1, up -> S3",
        "DM F=1 -> S0",
        "alarm, UA F=1, reset -> S3",
        "UA F=1, reset -> S3",
    ),
    "SABM P=0": (
        "UA F=0, up -> S3",
        "UA F=0, up -> S3",
        "DM F=0 -> S0",
        "alarm, UA F=0, reset -> S3",
        "UA F=0, reset -> S3",
    ),
    "SABME P=1": tuple(f"alarm, DM F=1 -> {state}" for state in STATES),
    "DISC P=1": (
        "DM F=1 -> S0",
        "DM F=1, down -> S0 T1",
        "UA F=1 -> S2",
        "UA F=1, down -> S0 T1",
        "UA F=1, down -> S0 T1",
    ),
    "DISC P=0": (
        "DM F=0 -> S0",
        "DM F=0, down -> S0 T1",
        "UA F=0 -> S2",
        "UA F=0, down -> S0 T1",
        "UA F=0, down -> S0 T1",
    ),
    "UA F=1": (
        "nothing -> S0",
        "up -> S3",
        "nothing -> S0",
        "alarm, SABM P=1 -> S1 T1",
        "nothing -> S4",
    ),
    "UA F=0": (
        "nothing -> S0",
        "nothing -> S1",
        "nothing -> S2",
        "alarm, SABM P=1 -> S1 T1",
        "nothing -> S4",
    ),
    "DM F=1": (
        "nothing -> S0",
        "down -> S0 T1",
        "nothing -> S0",
        "down, SABM P=1 -> S1 T1",
        "down -> S0 T1",
    ),
    "DM F=0": (
        "SABM P=1 -> S1 T1",
        "nothing -> S1",
        "nothing -> S2",
        "down, SABM P=1 -> S1 T1",
        "down -> S0 T1",
    ),
    "I command P=1": (
        "DM F=1 -> S0",
        "nothing -> S1",
        "DM F=1 -> S2",
        "deliver, RR1 F=1 -> S3",
        "FRMR F=1 a11008 -> S4",
    ),
    "RR command P=1": (
        "DM F=1 -> S0",
        "nothing -> S1",
        "DM F=1 -> S2",
        "RR0 F=1 -> S3",
        "FRMR F=1 a11008 -> S4",
    ),
    "RNR command P=1": (
        "DM F=1 -> S0",
        "nothing -> S1",
        "DM F=1 -> S2",
        "RR0 F=1 -> S3 T1",
        "FRMR F=1 a11008 -> S4",
    ),
    "REJ command P=1": (
        "DM F=1 -> S0",
        "nothing -> S1",
        "DM F=1 -> S2",
        "RR0 F=1 -> S3",
        "FRMR F=1 a11008 -> S4",
    ),
    "RR command P=0": (
        "nothing -> S0",
        "nothing -> S1",
        "nothing -> S2",
        "nothing -> S3",
        f"{S4_FRMR} -> S4",
    ),
    "I command P=0": (
        "nothing -> S0",
        "nothing -> S1",
        "nothing -> S2",
        "deliver -> S3",
        f"{S4_FRMR} -> S4",
    ),
    "RR response F=0": ("nothing -> S0", "nothing -> S1", "nothing -> S2", "nothing -> S3", "nothing -> S4"),
    "RR response F=1": ("nothing -> S0", "nothing -> S1", "nothing -> S2", "nothing -> S3", "nothing -> S4"),
    "FRMR": (
        "nothing -> S0",
        "nothing -> S1",
        "nothing -> S2",
        "alarm, SABM P=1 -> S1 T1",
        "alarm, SABM P=1 -> S1 T1",
    ),
    "undefined control": (
        "nothing -> S0",
        "nothing -> S1",
        "nothing -> S2",
        "alarm, FRMR F=1 130001 -> S4 T1",
        "nothing -> S4",
    ),
    "SARM": (
        "alarm -> S0",
        "alarm -> S1",
        "alarm -> S2",
        "alarm, alarm, FRMR F=0 0f0001 -> S4 T1",
        "alarm -> S4",
    ),
    "RR with information": (
        "nothing -> S0",
        "nothing -> S1",
        "nothing -> S2",
        "alarm, FRMR F=1 110003 -> S4 T1",
        "nothing -> S4",
    ),
    "FRMR of two octets": (
        "nothing -> S0",
        "nothing -> S1",
        "nothing -> S2",
        "alarm, FRMR F=0 971003 -> S4 T1",
        "nothing -> S4",
    ),
    "I longer than N1": (
        "nothing -> S0",
        "nothing -> S1",
        "nothing -> S2",
        "alarm, FRMR F=1 100004 -> S4 T1",
        "nothing -> S4",
    ),
    "N(R) invalid": (
        "nothing -> S0",
        "nothing -> S1",
        "nothing -> S2",
        f"alarm, {S4_FRMR} -> S4 T1",
        "nothing -> S4",
    ),
    "T1": (
        "SABM P=1 -> S1 T1",
        "SABM P=1 -> S1 T1",
        "DISC P=1 -> S2 T1",
        "RR0 P=1 -> S3 T1",
        f"{S4_FRMR} -> S4 T1",
    ),
    "T1 after N2": (
        "SABM P=1 -> S1 T1",
        "down -> S0 T1",
        "nothing -> S0",
        "alarm, SABM P=1 -> S1 T1",
        "alarm, SABM P=1 -> S1 T1",
    ),
    "T2": ("nothing -> S0", "nothing -> S1", "nothing -> S2", "RR1 F=0 -> S3", "nothing -> S4"),
    "T3": ("nothing -> S0", "down -> S0 T1", "nothing -> S0", "down -> S0 T1", "down -> S0 T1"),
    "connect": (
        "SABM P=1 -> S1 T1",
        "nothing -> S1",
        "nothing -> S2",
        "nothing -> S3",
        "nothing -> S4",
    ),
    "disconnect": (
        "nothing -> S0",
        "DISC P=1, down -> S0",
        "nothing -> S2",
        "DISC P=1, down -> S2 T1",
        "DISC P=1, down -> S2 T1",
    ),
    "line down": ("nothing -> S0", "down -> S0", "nothing -> S0", "down -> S0", "down -> S0"),
    "line back": (
        "SABM P=1 -> S1 T1",
        "nothing -> S1",
        "nothing -> S2",
        "nothing -> S3",
        "nothing -> S4",
    ),
}
"""X.25 2.4, of both roles. In S2 layer 3 has disconnected, so nobody wants the link back."""

INVITING: dict[tuple[str, str], str] = {
    ("DM F=0", "S0"): "nothing -> S0",
    ("DM F=0", "S3"): "down -> S0 T1",
    ("DM F=1", "S3"): "down -> S0 T1",
    ("T1", "S0"): "DM F=0 -> S0 T1",
    ("T1 after N2", "S0"): "DM F=0 -> S0 T1",
    ("line back", "S0"): "nothing -> S0 T1",
}
"""What a DCE does otherwise that leaves the set-up to the DTE (X.25 2.4.4.1)."""

OPTIONS: list[tuple[dict[str, str], str, str, str]] = [
    ({"set_up": "dte", "s0_exhausted": "stay", "role": "dce"}, "T1 after N2", "S0", "nothing -> S0"),
    ({"set_up": "dte", "s0_exhausted": "sabm", "role": "dce"}, "T1 after N2", "S0", "SABM P=1 -> S1 T1"),
    ({"s3_exhausted": "down"}, "T1 after N2", "S3", "down -> S0 T1"),
    ({"s4_exhausted": "down"}, "T1 after N2", "S4", "down -> S0 T1"),
    ({"poll_in_s0": "ignore"}, "RR command P=1", "S0", "nothing -> S0"),
    ({"poll_in_s0": "ignore"}, "I command P=1", "S0", "nothing -> S0"),
    ({"disc_in_s0": "ua"}, "DISC P=1", "S0", "UA F=1 -> S0"),
    ({"disc_in_s1": "stay"}, "DISC P=1", "S1", "DM F=1 -> S1"),
    ({"disc_in_s4": "ignore"}, "DISC P=1", "S4", "nothing -> S4"),
    ({"command_in_s4": "ignore"}, "RR command P=1", "S4", "nothing -> S4"),
    ({"command_in_s4": "ignore"}, "I command P=0", "S4", "nothing -> S4"),
    ({"sabme": "frmr"}, "SABME P=1", "S3", "alarm, alarm, FRMR F=1 7f0001 -> S4 T1"),
    ({"unsolicited_ua": "ignore"}, "UA F=1", "S3", "nothing -> S3"),
    ({"unsolicited_ua": "ignore"}, "UA F=0", "S3", "nothing -> S3"),
    ({"undefined_control": "ignore"}, "undefined control", "S3", "nothing -> S3"),
    ({"information_not_allowed": "accept"}, "RR with information", "S3", "RR0 F=1 -> S3"),
    ({"information_not_allowed": "accept"}, "FRMR of two octets", "S3", "alarm, SABM P=1 -> S1 T1"),
    ({"too_long": "accept"}, "I longer than N1", "S3", "deliver, RR1 F=1 -> S3"),
]

LINUX: list[tuple[str, str, str]] = [
    ("RR command P=1", "S3", "RR0 F=1 -> S3"),
    ("I command P=1", "S3", "deliver, RR1 F=1 -> S3"),
    ("SABME P=1", "S3", "alarm, DM F=1 -> S3"),
    ("DISC P=1", "S3", "UA F=1, down -> S0 T1"),
    ("I command P=1", "S0", "nothing -> S0"),
    ("RR command P=1", "S0", "nothing -> S0"),
    ("DISC P=1", "S0", "UA F=1 -> S0"),
    ("SABM P=1", "S0", "UA F=1, up -> S3"),
    ("DISC P=1", "S1", "DM F=1 -> S1"),
    ("N(R) invalid", "S3", "alarm, FRMR F=0 a11008 -> S4 T1"),
    ("RR command P=1", "S4", "nothing -> S4"),
    ("I command P=0", "S4", "nothing -> S4"),
    ("DISC P=1", "S4", "nothing -> S4"),
    ("T1", "S4", "FRMR F=0 a11008 -> S4 T1"),
    ("SABM P=1", "S4", "UA F=1, reset -> S3"),
    ("undefined control", "S3", "nothing -> S3"),
    ("RR with information", "S3", "RR0 F=1 -> S3"),
    ("FRMR", "S3", "alarm, SABM P=1 -> S1 T1"),
]
"""Linux 6.1 (``net/lapb``), as seen on a running kernel."""

NOT_LINUX: list[tuple[Role, dict[str, str], str, str, str]] = [
    ("dce", {}, "line back", "S0", "SABM P=1 -> S1 T1"),
    ("dce", {}, "T1", "S0", "SABM P=1 -> S1 T1"),
    ("dce", {"set_up": "dte"}, "line back", "S0", "nothing -> S0 T1"),
    ("dce", {"set_up": "dte"}, "T1", "S0", "DM F=0 -> S0 T1"),
    ("dce", {"set_up": "dte"}, "T1 after N2", "S0", "SABM P=1 -> S1 T1"),
    ("dce", {"set_up": "dte"}, "DM F=0", "S3", "down -> S0 T1"),
    ("dte", {}, "DM F=0", "S0", "SABM P=1 -> S1 T1"),
    ("dte", {}, "T1 after N2", "S1", "down -> S0 T1"),
    ("dte", {}, "DM F=0", "S3", "down, SABM P=1 -> S1 T1"),
    ("dte", {}, "UA F=1", "S3", "alarm, SABM P=1 -> S1 T1"),
    ("dte", {"unsolicited_ua": "ignore"}, "UA F=1", "S3", "nothing -> S3"),
    ("dte", {}, "N(R) invalid in a command", "S3", "alarm, FRMR F=1 b10008 -> S4 T1"),
]
"""What docs/lapb.md tells that the preset does otherwise, and the option that a kernel's way has."""


def cells() -> list[object]:
    return [
        pytest.param(row, state, text, id=f"{row} in {state}")
        for row, texts in ROWS.items()
        for state, text in zip(STATES, texts, strict=True)
    ]


@pytest.mark.parametrize("role", ["dte", "dce"])
@pytest.mark.parametrize(("row", "state", "text"), cells())
def test_either_role(row: str, state: str, text: str, role: Role) -> None:
    link = link_in(state, LapbConfig(role=role))
    assert cell(link, INPUTS[row][1](link)) == text


@pytest.mark.parametrize(("row", "state", "text"), cells())
def test_a_dte_whoever_sets_up(row: str, state: str, text: str) -> None:
    link = link_in(state, LapbConfig(role="dte", set_up="dte"))
    assert cell(link, INPUTS[row][1](link)) == text


@pytest.mark.parametrize(("row", "state", "text"), cells())
def test_a_dce_that_invites(row: str, state: str, text: str) -> None:
    link = link_in(state, LapbConfig(role="dce", set_up="dte"))
    assert cell(link, INPUTS[row][1](link)) == INVITING.get((row, state), text)


@pytest.mark.parametrize(
    ("options", "row", "state", "text"),
    [
        pytest.param(*option, id=f"{option[1]} in {option[2]}: {' '.join(option[0].values())}")
        for option in OPTIONS
    ],
)
def test_an_option(options: dict[str, str], row: str, state: str, text: str) -> None:
    link = link_in(state, LapbConfig(**options))  # type: ignore[arg-type]
    assert cell(link, INPUTS[row][1](link)) == text


@pytest.mark.parametrize(
    ("row", "state", "text"), [pytest.param(*row, id=f"{row[0]} in {row[1]}") for row in LINUX]
)
def test_a_linux_peer(row: str, state: str, text: str) -> None:
    link = link_in(state, LapbConfig.linux("dte"))
    assert cell(link, INPUTS[row][1](link)) == text


@pytest.mark.parametrize(
    ("role", "options", "row", "state", "text"),
    [pytest.param(*row, id=f"{row[0]}: {row[2]} in {row[3]} {row[1] or ''}") for row in NOT_LINUX],
)
def test_where_the_preset_is_not_linux(
    role: Role, options: dict[str, Any], row: str, state: str, text: str
) -> None:
    link = link_in(state, replace(LapbConfig.linux(role), **options))
    assert cell(link, INPUTS[row][1](link)) == text


def test_no_cell_of_the_table_is_without_a_test() -> None:
    tested = {INPUTS[row][0] for row in ROWS}
    # These two have their own tests, in test_lapb.py.
    assert {event for _, event in LAPB_TABLE} - tested == {LapbEvent.SABM_UNWANTED, LapbEvent.T4}


def test_no_option_is_without_a_test() -> None:
    tested = {(field, value) for options, *_ in OPTIONS for field, value in options.items()}
    assert {(variant.field, variant.value) for variant in VARIANTS} <= tested
    table = {(variant.event, variant.state) for variant in VARIANTS if variant.field == "set_up"}
    assert table == {(INPUTS[row][0], state) for row, state in INVITING}
