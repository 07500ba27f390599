"""The vectors, which independent programs agree about, and their alternatives under other options."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from protocol import (
    MESSAGES,
    AddObject,
    Alarm,
    Category,
    Channel,
    Codec,
    DecodeError,
    ElectronicMessage,
    GetObjects,
    GroupType,
    Ksl,
    KslInfo,
    KslRow,
    NumberSign,
    ObjectType,
    Options,
    Party,
    Priority,
    ReleaseKsl,
    ServicesInfo,
    ServiceUsed,
    StationType,
    Time,
    UnauthorizedAccess,
    VersionInfo,
)
from protocol.codec import batches, interpreted
from protocol.messages import wires
from protocol.wire import FAST_ERRORS

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("vectors.json").read_text())["vectors"]
WRITTEN = [
    pytest.param(
        Channel(vector["channel"]),
        Options(**chosen["options"]),
        bytes.fromhex(chosen["hex"]),
        id=f"{vector['id']}-{chosen['name']}",
    )
    for vector in VECTORS
    for chosen in [{"name": "", "options": {}, "hex": vector["hex"]}, *vector["alternatives"]]
]
BY_ID = {vector["id"]: bytes.fromhex(vector["hex"]) for vector in VECTORS}


@pytest.mark.parametrize("options", [Options(), Options(order="70")], ids=["268", "70"])
def test_the_generated_code_takes_every_vector_itself(options: Options) -> None:
    """What it refuses goes the slow way, with the same result: so nothing else would tell."""
    generated = batches(options)
    for unit in BY_ID.values():
        codec = generated.get(unit[2])
        if codec is not None and (len(unit) - codec.cls.channel.header_length) in codec.lengths:
            try:
                message = codec.decode_strictly(unit)
            except FAST_ERRORS:  # of the other order, or spelt as it is only accepted
                continue
            assert codec.encode(message) == unit


def test_every_class_has_a_vector() -> None:
    codec = Codec()
    assert {type(codec.decode(unit)) for unit in BY_ID.values()} == set(MESSAGES)


@pytest.mark.parametrize(("channel", "options", "unit"), WRITTEN)
def test_a_vector(channel: Channel, options: Options, unit: bytes) -> None:
    codec = Codec(options)
    message = codec.decode(unit)
    assert (message.channel, message.orm_number) == (channel, 1)
    assert codec.encode(message) == unit
    assert codec.decode_lenient(unit) == (message, ())
    # the interpreted declaration agrees with the generated code
    interpreted_as = interpreted(type(message), options)
    values = interpreted_as.parse(unit)
    assert {name: values[name] for name in wires(type(message), options)} == {
        field.name: getattr(message, field.name) for field in fields(message)
    }
    assert interpreted_as.build(values) == unit
    # every truncation and every extra octet is refused where it is
    for size in range(len(unit)):
        with pytest.raises(DecodeError) as caught:
            codec.decode(unit[:size])
        assert (caught.value.offset, caught.value.raw) == (size, unit[:size])
    for extra in (b"\x00", b"\xff", b"\xcc", unit):
        with pytest.raises(DecodeError) as caught:
            codec.decode(unit + extra)
        assert caught.value.offset == len(unit)


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        (
            "C05a",
            AddObject(
                object_number=258,
                object_type=ObjectType.OWN_SUBSCRIBER,
                number_sign=NumberSign.OWN,
                number="73835550101",
                trunk=None,
                category=Category.COMBINED,
                ksl_group=1,
                priority=Priority.NORMAL,
            ),
        ),
        ("C05b", AddObject(5, ObjectType.TRUNK, None, None, 2, Category.STATISTICAL, None, Priority.NORMAL)),
        ("C08b", ReleaseKsl(None, None, None, Ksl(0, 1), None)),
        ("C10b", GetObjects(None, None, None, None, None)),
        ("M21", Alarm(alarm_type=4, alarm_code=1, total=0, index=0)),
        (
            "M24",
            KslInfo(
                (
                    KslRow(1, GroupType.COMBINED, Ksl(0, 1), Ksl(0, 1)),
                    KslRow(2, GroupType.SEPARATE, Ksl(1, 3), Ksl(1, 4)),
                ),
                total=1,
                index=1,
            ),
        ),
        ("M25a", ServicesInfo(NumberSign.OWN, "73835550101", (0x21, 0x42), total=0, index=0)),
        ("M25b", ServicesInfo(NumberSign.OWN, "73835550101", (), total=0, index=0)),
        ("M26", UnauthorizedAccess(2, Time(15, 9, 30, 5), "KPD1", total=0, index=0)),
        ("M2B", VersionInfo("LAB 1.0", StationType.TERMINAL_TRANSIT, total=0, index=0)),
        (
            "M2C",
            ElectronicMessage(
                object_number=258,
                object_type=ObjectType.OWN_SUBSCRIBER,
                sender=Party(NumberSign.RUSSIA, "73835550101"),
                delivery_state=0,
                delivery_code=0,
                time=Time(15, 9, 30, 5),
                receiver=Party(NumberSign.RUSSIA, "73835550202"),
                sender_imsi=Party(),
                receiver_imsi=Party(),
                text=b"TEST",
                total=1,
                index=1,
            ),
        ),
        (
            "N44",
            ServiceUsed(
                call_number=0x1234,
                object_type=ObjectType.OWN_SUBSCRIBER,
                object_number=258,
                selection=2,
                connection=0x1C,
                service_phase=4,
                calling=Party(NumberSign.OWN, "73835550202"),
                called=Party(NumberSign.OWN, "73835550303"),
                trunk=None,
                ksl_a=None,
                ksl_b=None,
                time=Time(15, 9, 30, 6),
                priority=Priority.NORMAL,
                operation=None,
                service=0x21,
                additional=None,
            ),
        ),
    ],
)
def test_what_a_vector_means(vector: str, message: Any) -> None:
    assert Codec().decode(BY_ID[vector]) == message
    assert Codec().encode(message) == BY_ID[vector]
