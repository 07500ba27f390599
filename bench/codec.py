"""Section ``codec``: the generated codec beside hand-written ``struct`` code and interpreted construct.

The reference is what one would write by hand for the same dataclasses: one ``struct.Struct`` a message,
tables for the enumerations, ``translate().hex()`` for the digits, positional construction, the same
checks, and a dict from code to function in front. Reference and subject alternate in one process; every
figure is the median of several rounds over the same several hundred different messages.

There are two interpreted references. ``decode_vs_construct`` is against ``EVENT``, the
event written in plain construct; ``decode_vs_own_interpreted`` against the Struct that the package derives
from its own declaration, whose adapters take a whole party or time at once and so are quicker.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench import codec_reference as reference
from bench.codec_reference import EVENT
from protocol import (
    AddObject,
    Answer,
    Codec,
    CommandExecuted,
    DecodeError,
    Ksl,
    Message,
    NumberReceived,
    NumberSign,
    ObjectInfo,
    ObjectType,
    Options,
    Party,
    Priority,
    Release,
    Time,
)
from protocol.codec import interpreted
from protocol.codes import Category

ROUNDS = 25
MESSAGES = 600
PIECE = 50
"""Inputs that one function processes before the next function runs."""


def _digits(random_: random.Random) -> str:
    return "7" + "".join(random_.choices("0123456789", k=random_.choice((4, 6, 10, 10, 10, 10))))


def events(random_: random.Random, count: int) -> list[Message]:
    found: list[Message] = []
    for number in range(count):
        cls = random_.choice((NumberReceived, Answer, Release))
        statistical = random_.random() < 0.3
        line = None if statistical else Ksl(random_.randrange(4), random_.randint(1, 28))
        found.append(
            cls(
                call_number=number % 50_000,
                object_type=random_.choice((ObjectType.OWN_SUBSCRIBER, ObjectType.NETWORK_FULL)),
                object_number=random_.randrange(1000),
                selection=random_.choice((1, 2, 3, 4, 8, 12)),
                connection=random_.choice((0x11, 0x12, 0x1C)),
                service_phase=0,
                calling=Party(random_.choice((NumberSign.OWN, NumberSign.RUSSIA)), _digits(random_)),
                called=Party(random_.choice((NumberSign.OWN, NumberSign.FOREIGN)), _digits(random_)),
                trunk=None if random_.random() < 0.8 else random_.randrange(64),
                ksl_a=line,
                ksl_b=line,
                time=Time(*(random_.randint(1, high) for high in (28, 23, 59, 59))),
                priority=random_.choice((Priority.HIGH, Priority.NORMAL)),
                operation=5 if cls is Release else None if statistical else 0,
                service=None,
                additional=None,
            )
        )
    return found


def _objects(random_: random.Random, count: int, cls: type[AddObject] | type[ObjectInfo]) -> list[Message]:
    found: list[Message] = []
    for number in range(count):
        fields: dict[str, Any] = {
            "object_number": number,
            "object_type": ObjectType.OWN_SUBSCRIBER,
            "number_sign": NumberSign.OWN,
            "number": _digits(random_),
            "trunk": None,
            "category": random_.choice((Category.COMBINED, Category.SEPARATE)),
            "ksl_group": random_.randint(1, 254),
            "priority": random_.choice((Priority.HIGH, Priority.NORMAL)),
        }
        if cls is ObjectInfo:
            fields |= {"line_state": 0, "total": count, "index": number + 1}
        found.append(cls(**fields))
    return found


def _executed(random_: random.Random, count: int) -> list[Message]:
    return [CommandExecuted(random_.randint(1, 17), random_.choice((0, 1, 0x33))) for _ in range(count)]


def _seconds(function: Callable[[Any], object], inputs: Sequence[Any]) -> float:
    begin = time.perf_counter()
    for item in inputs:
        function(item)
    return (time.perf_counter() - begin) / len(inputs)


def _alternating(functions: dict[str, Callable[[Any], object]], inputs: Sequence[Any]) -> dict[str, float]:
    """Median seconds per call. Each round runs every function in turn on every piece of the inputs."""
    found: dict[str, list[float]] = {name: [] for name in functions}
    pieces = [inputs[begin : begin + PIECE] for begin in range(0, len(inputs), PIECE)]
    for round_number in range(ROUNDS + 1):
        for piece in pieces:
            for name, function in functions.items():
                seconds = _seconds(function, piece)
                if round_number:  # the first warms up
                    found[name].append(seconds)
    return {name: statistics.median(times) for name, times in found.items()}


def _refusing(codec: Codec) -> Callable[[bytes], object]:
    def refuse(unit: bytes) -> object:
        try:
            return codec.decode(unit)
        except DecodeError as error:
            return error

    return refuse


def _broken(unit: bytes, number: int) -> bytes:
    """``unit`` with one common kind of damage: cut, longer, wrong length, wrong code, wrong digits."""
    octets = bytearray(unit)
    match number % 5:
        case 0:
            return unit[:-1]
        case 1:
            return unit + b"\xff"
        case 2:
            octets[3] ^= 1
        case 3:
            octets[6] = 0x7E  # object type
        case _:
            octets[24] = 18  # count of the called number
    return bytes(octets)


def run() -> dict[str, Any]:
    """The ratios of section ``codec`` and the figures (calls a second) behind them."""
    random_ = random.Random(268)
    codec = Codec(Options())
    kinds = {
        "event": events(random_, MESSAGES),
        "add_object": _objects(random_, MESSAGES, AddObject),
        "object_info": _objects(random_, MESSAGES, ObjectInfo),
        "command_executed": _executed(random_, MESSAGES),
    }
    kinds["mixed"] = random_.sample([message for some in kinds.values() for message in some], MESSAGES)
    results: dict[str, Any] = {}
    for kind, messages in kinds.items():
        units = [codec.encode(message) for message in messages]
        for message, unit in zip(messages, units, strict=True):
            if not (
                reference.decode(unit) == message == codec.decode(unit) and reference.encode(message) == unit
            ):
                raise AssertionError(f"reference and codec disagree about {message!r}")
        decoding = _alternating({"struct": reference.decode, "codec": codec.decode}, units)
        encoding = _alternating({"struct": reference.encode, "codec": codec.encode}, messages)
        suffix = "" if kind == "event" else f"_{kind}"
        results[f"decode_vs_struct{suffix}"] = decoding["struct"] / decoding["codec"]
        results[f"encode_vs_struct{suffix}"] = encoding["struct"] / encoding["codec"]
        results[f"decode_per_s{suffix}"] = round(1 / decoding["codec"])
        results[f"encode_per_s{suffix}"] = round(1 / encoding["codec"])
        if kind == "event":
            results["struct_decode_per_s"] = round(1 / decoding["struct"])
            results["struct_encode_per_s"] = round(1 / encoding["struct"])

    units = [codec.encode(message) for message in kinds["event"]]
    structs = {unit[2]: interpreted(type(codec.decode(unit)), codec.options) for unit in units}
    if any(EVENT.build(EVENT.parse(unit)) != unit for unit in units):
        raise AssertionError("plain construct and codec disagree about an event")
    slow = _alternating(
        {
            "plain": EVENT.parse,
            "interpreted": lambda unit: structs[unit[2]].parse(unit),
            "codec": codec.decode,
        },
        units[: MESSAGES // 4],
    )
    results["decode_vs_construct"] = slow["plain"] / slow["codec"]
    results["decode_vs_own_interpreted"] = slow["interpreted"] / slow["codec"]
    results["construct_decode_per_s"] = round(1 / slow["plain"])
    results["own_interpreted_decode_per_s"] = round(1 / slow["interpreted"])

    refuse = _refusing(codec)
    broken = [_broken(unit, number) for number, unit in enumerate(units)]
    accepted = sum(not isinstance(refuse(unit), DecodeError) for unit in broken)
    if accepted:
        raise AssertionError(f"{accepted} broken units were accepted")
    pairs = list(zip(units, broken, strict=True))
    turns = _alternating({"good": lambda p: codec.decode(p[0]), "broken": lambda p: refuse(p[1])}, pairs)
    good, refused = turns["good"], turns["broken"]
    results["refuse_vs_decode"] = refused / good
    results["refuse_per_s"] = round(1 / refused)
    lenient = _alternating({"lenient": codec.decode_lenient}, units)["lenient"]
    results["decode_lenient_per_s"] = round(1 / lenient)
    return results
