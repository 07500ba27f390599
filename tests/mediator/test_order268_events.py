"""What order 268 rules of the parties and trunks in events, of trunk names and of services."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol import NumberSign
from protocol.messages import (
    AddObject,
    GetServices,
    GetTrunks,
    ServicesInfo,
    TrunkInfo,
)
from radius.report import Match, Party
from ssh_control.dialect import Reply
from tests.mediator.order268 import PARTIAL, controlled, network, trunk

# --- the trunk in events


def through(make: Any, a: Party, b: Party) -> Any:
    """A call of object 9 as A or B between two sides."""
    number = "a" if a.digits == "28339" else "b"
    touched = Match(object_number=9, role=number, called=b, time=1000.0)
    return replace(make.report(), calling=a, called=b, matches=(touched,))


INCOMING = (Party(digits="73832223344", ni="zone", trunk=2), Party(digits="28339", ni="private"))
ANONYMOUS = (Party(trunk=2), Party(digits="28339", ni="private"))
OUTGOING = (Party(digits="28339", ni="private"), Party(digits="73832223344", ni="zone", trunk=3))
INNER = (Party(digits="28331", ni="private"), Party(digits="28339", ni="private"))


@pytest.mark.parametrize(
    ("station", "expected"),
    [
        ("terminal", [None, 2, None, None]),
        ("transit", [2, 2, 3, None]),
        ("terminal-transit", [2, 2, 3, None]),
    ],
)
def test_the_trunk_is_told_by_the_type_of_the_node(
    means: Any, make: Any, station: str, expected: list[int | None]
) -> None:
    """Order 268, 10.3.1.5: a terminal node where the caller's number is not known; the others for every call."""
    m = controlled(means, make, 1, station_type=station)
    told = []
    for name, sides in enumerate((INCOMING, ANONYMOUS, OUTGOING, INNER)):
        (event,) = m.do(m.core.report(replace(through(make, *sides), call_id=str(name)), m.now))
        told.append(event.trunk)
    assert told == expected


@pytest.mark.parametrize("sides", [INCOMING, ANONYMOUS, OUTGOING])
def test_or_of_trunk_objects_alone_by_option(means: Any, make: Any, sides: Any) -> None:
    """Order 268, 10.3.1.5, against option trunk_in_events."""
    m = controlled(means, make, 1, trunk_in_events="objects")
    m.says(trunk(5, 2))
    (event,) = m.do(m.core.report(through(make, *sides), m.now))
    assert event.trunk is None
    report = replace(through(make, *ANONYMOUS), call_id="trunk")
    report = replace(report, matches=(replace(report.matches[0], object_number=5, role="trunk"),))
    (event,) = m.do(m.core.report(report, m.now))
    assert event.trunk == 2


# --- the object as command 5 gave it


SORM = Party(digits="73832228331", ni="zone")
"""How the switch shows a party, whatever number it was found by."""
OTHER = Party(digits="73832229999", ni="zone")


@pytest.mark.parametrize(
    ("put", "shown"),
    [
        (network(1, "79130000001"), (NumberSign.RUSSIA, "79130000001")),
        (network(1, "73832228331"), (NumberSign.RUSSIA, "73832228331")),
        (network(1, "7383222", PARTIAL), (NumberSign.RUSSIA, "73832228331")),
        (network(1, "250011234567890", sign=NumberSign.IMSI), (NumberSign.RUSSIA, "73832228331")),
    ],
)
@pytest.mark.parametrize("role", ["a", "b"])
def test_the_object_is_shown_as_command_5_gave_it(
    means: Any, make: Any, role: str, put: AddObject, shown: Any
) -> None:
    """Order 268, 10.3.2.1: also where the routed number matched; of leading digits (12h) the full number is shown."""
    m = means().begin(put)
    a, b = (SORM, OTHER) if role == "a" else (OTHER, SORM)
    report = replace(
        make.report(answer=1003.0, release=1009.0, cause=5),
        calling=a,
        called=b,
        matches=(Match(object_number=1, role=role, called=b, time=1000.0),),
    )
    told = m.do(m.core.report(report, m.now))
    assert [event.code for event in told] == [0x41, 0x42, 0x43]
    for event in told:
        sides = (event.calling, event.called)
        assert sides == ((shown, (NumberSign.RUSSIA, OTHER.digits)) if role == "a" else (sides[0], shown))
        assert sides[1 if role == "a" else 0] == (NumberSign.RUSSIA, OTHER.digits)


def test_an_own_subscriber_is_shown_as_command_5_gave_it(means: Any, make: Any) -> None:
    """Order 268, 10.3.2.1: the short number, though the switch shows the long one."""
    m = means().begin(make.put(1, "28331"))
    report = replace(
        make.report(), calling=SORM, matches=(Match(object_number=1, role="a", called=OTHER, time=1000.0),)
    )
    (event,) = m.do(m.core.report(report, m.now))
    assert event.calling == (NumberSign.OWN, "28331")


def test_the_object_that_forwards_is_shown_as_command_5_gave_it(means: Any, make: Any) -> None:
    """Order 268, 10.3.2.1: in 44h it is the calling side of the hop."""
    m = means().begin(make.put(1, "28331"))
    service = replace(make.report(services=((0x21, "28331", "28332", 1001.0),)).services[0], calling=SORM)
    report = replace(
        make.report(),
        calling=OTHER,
        called=SORM,
        services=(service,),
        matches=(Match(object_number=1, role="b", called=SORM, time=1000.0),),
    )
    first, used_service = m.do(m.core.report(report, m.now))
    assert first.called == (NumberSign.OWN, "28331")
    assert used_service.calling == (NumberSign.OWN, "28331")


# --- trunk names


def renamed(m: Any, name: Any, which: int = 2) -> list[Any]:
    return m.do(m.core.switch_event({"event": "trunk-renamed", "trunk": which, "name": name}, m.now))


def test_a_new_name_of_a_trunk_is_told(means: Any) -> None:
    """Order 268, 9.10.3: when the operator changes it."""
    m = means().begin()
    (told,) = renamed(m, "MOSCOW-1")
    assert isinstance(told, TrunkInfo)
    assert (told.trunk, told.name, told.total, told.index) == (2, "MOSCOW-1", 1, 1)


def test_a_long_name_goes_on_in_further_messages(means: Any) -> None:
    """Order 268, 9.10.5: over 43 octets; likewise in answer to command 16."""
    name = "".join(chr(ord("A") + n % 26) for n in range(100))
    m = means().begin()
    told = renamed(m, name)
    assert [(part.total, part.index, len(part.name)) for part in told] == [(3, 1, 43), (3, 2, 43), (3, 3, 14)]
    assert "".join(part.name for part in told) == name
    trunks = [{"trunk": 2, "name": name}, {"trunk": 1, "name": "short"}]
    m.switch = lambda op, params: Reply(True, {"trunks": trunks})
    told = m.send(GetTrunks(None))[1:-1]
    assert [(part.trunk, part.total, part.index) for part in told] == [
        (1, 4, 1),
        (2, 4, 2),
        (2, 4, 3),
        (2, 4, 4),
    ]


def test_a_name_of_43_octets_is_one_message(means: Any) -> None:
    """Order 268, 9.10.5."""
    assert len(renamed(means().begin(), "x" * 43)) == 1
    assert len(renamed(means().begin(), "x" * 44)) == 2


def test_a_new_name_that_is_not_told(means: Any) -> None:
    """Order 268, 7.3, 9.10: not while the means are stopped; order 70 has no such message."""
    m = means()
    m.connect()
    assert renamed(m, "MOSCOW-1") == []
    other = means(order="70").begin()
    assert renamed(other, "MOSCOW-1") == []
    assert (m.core.counters["trunk_names_untold"], other.core.counters["trunk_names_untold"]) == (1, 1)


@pytest.mark.parametrize("which", [-1, 0xFFFF, "2", None])
def test_a_trunk_that_has_no_number_is_counted(means: Any, which: Any) -> None:
    """Order 268, 9.10.4.1: 0..FFFEh."""
    m = means().begin()
    assert renamed(m, "x", which) == []
    assert m.core.counters["switch_events_unknown"] == 1


# --- services


EVERY_SERVICE = (0x20, 0x21, 0x28, 0x29, 0x2A, 0x2B, 0x31, 0x32, 0x33, 0x40, 0x41, 0x42, 0x43)


def services(means: Any, *codes: int, **keys: Any) -> tuple[Any, list[Any]]:
    m = means(**keys).begin()
    m.switch = lambda op, params: Reply(True, {"services": list(codes)})
    return m, m.send(GetServices(NumberSign.OWN, "28331"))


def test_more_than_eleven_services_take_more_messages(means: Any) -> None:
    """Order 268, 9.5.4: at most 45 octets each."""
    m, told = services(means, *EVERY_SERVICE[:12])
    infos = [message for message in told if isinstance(message, ServicesInfo)]
    assert [(part.total, part.index, len(part.services)) for part in infos] == [(2, 1, 11), (2, 2, 1)]
    assert [len(m.codec.encode(part)) - 10 for part in infos] == [45, 15]
    assert told[-1].status == 0


def test_a_subscriber_without_services(means: Any) -> None:
    """Order 268, 9.5.5.3: executed; count 0, and the rest filled with FFh to 45 octets."""
    m, told = services(means)
    content = bytes(m.codec.encode(told[1]))[10:]
    assert (len(content), content[11]) == (45, 0)
    assert content[22:] == b"\xff" * 23
    assert told[-1].status == 0


def test_or_a_refusal_by_option(means: Any, make: Any) -> None:
    """Order 268, 9.5.5.3, against option no_services_reply."""
    _, told = services(means, no_services_reply="61h")
    assert make.answers(told) == "27/00 28/61"
