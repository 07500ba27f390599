"""Rules by which a tap spoils units, without sockets."""

from __future__ import annotations

import pytest

from protocol import Answer, Codec, CommandReceived, Start
from sorm_mediator.console.errors import UsageError
from sorm_mediator.tap.spoil import TO_CONSOLE, TO_MEDIATOR, Spoiled, Spoiler, parse
from tests.replay.test_runner import event

CODEC = Codec()
START = CODEC.encode(Start())
RECEIVED = CODEC.encode(CommandReceived(1, 0))
ANSWER = CODEC.encode(event(Answer))


def spoil(
    rule: str, raw: bytes, *, channel: str = "kpd1", to: str = TO_CONSOLE, seed: int = 1
) -> Spoiled | None:
    return Spoiler([parse(rule)], seed).spoil(channel, to, raw)


@pytest.mark.parametrize(
    ("rule", "octets", "said"),
    [
        ("drop", b"", "dropped"),
        ("cut", b"", "dropped, and the connection cut"),
        ("duplicate", RECEIVED * 2, "passed twice"),
        ("delay=0.5", RECEIVED, "held back 0.5 s"),
        ("replace=CC 01", b"\xcc\x01", "replaced by 2 octets"),
    ],
)
def test_an_action_says_what_goes_on(rule, octets, said) -> None:
    done = spoil(rule, RECEIVED)
    assert done is not None
    assert (done.octets, done.said()) == (octets, said)


def test_corrupt_changes_one_octet_and_only_that() -> None:
    done = spoil("corrupt=11", RECEIVED)
    assert done is not None
    assert [place for place in range(12) if done.octets[place] != RECEIVED[place]] == [11]
    assert done.said() == "octet 11 changed"
    assert spoil("corrupt=12", RECEIVED) is None


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ("channel=kpd1", True),
        ("channel=kpd2", False),
        ("direction=to-console", True),
        ("direction=to-mediator", False),
        ("name=command-received", True),
        ("name=answer", False),
        ("name=27h", True),
        ("name=28h", False),
        ("channel=kpd1,name=27h,direction=to-console", True),
    ],
)
def test_filters_choose(filters, fits) -> None:
    assert (spoil(f"drop,{filters}", RECEIVED) is not None) is fits


def test_nth_counts_the_units_that_fit() -> None:
    spoiler = Spoiler([parse("drop,name=answer,nth=2")], 0)
    done = [spoiler.spoil("kpd2", TO_CONSOLE, raw) for raw in (ANSWER, RECEIVED, ANSWER, ANSWER)]
    assert [one is not None for one in done] == [False, False, True, False]


def test_a_seed_repeats_what_comes_by_chance() -> None:
    def run(seed: int) -> list[bool]:
        spoiler = Spoiler([parse("drop,p=0.5")], seed)
        return [spoiler.spoil("kpd1", TO_MEDIATOR, START) is not None for _ in range(64)]

    assert run(7) == run(7)
    assert run(7) != run(8)
    assert 0 < sum(run(7)) < 64


def test_the_first_rule_that_fits_is_carried_out() -> None:
    spoiler = Spoiler([parse("duplicate,name=start"), parse("drop")], 0)
    first, other = (spoiler.spoil("kpd1", TO_MEDIATOR, raw) for raw in (START, RECEIVED))
    assert first is not None
    assert other is not None
    assert (first.said(), other.said()) == ("passed twice", "dropped")


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("dorp", "'dorp' is no action; did you mean drop?"),
        ("drop=1", "drop has no value"),
        ("delay", "delay=: seconds from 0 to 3600"),
        ("delay=nan", "delay=nan: seconds"),
        ("corrupt=x", "corrupt=x: the number of an octet"),
        ("replace", "replace needs octets"),
        ("replace=zz", "replace needs octets"),
        ("drop,chanel=kpd1", "'chanel=kpd1' is no filter; did you mean channel?"),
        ("drop,channel=3", "channel=3: allowed: kpd1, kpd2"),
        ("drop,name=anser", "did you mean answer?"),
        ("drop,nth=0", "nth=0: a number from 1"),
        ("drop,p=2", "p=2: a probability from 0 to 1"),
        ("drop,p=0.1,p=0.2", "p is given twice"),
        ("drop,name=27h,name=answer", "name is given twice"),
    ],
)
def test_a_wrong_rule_says_what_is_allowed(rule, says) -> None:
    with pytest.raises(UsageError) as error:
        parse(rule)
    assert says in str(error.value)
    assert str(error.value).startswith(f"--spoil {rule}: ")
