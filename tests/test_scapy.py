"""The scapy layers: every vector read and written again, octet for octet, and packets made by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scapy", reason="scapy is not installed: pip install sorm-mediator[scapy]")

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw as Octets
from scapy.sessions import TCPSession
from scapy.utils import PcapReader, wrpcap

from protocol import MESSAGES, Codec, Party
from sorm_mediator import scapy as layers
from sorm_mediator.scapy import LAYERS, PORTS, SormUnit, field_name

VECTORS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("protocol").joinpath("vectors.json").read_text(encoding="utf-8")
)["vectors"]
CODEC = Codec()
EVENT = "CC0141243412010201011C00010B3738550501F1FFFFFF010B3738550502F2FFFFFFFFFF0101519003500200FFFFFFFF"


def written(packet: Any) -> bytes:
    """The octets of a packet, made anew from its fields."""
    packet.clear_cache()
    return bytes(packet)


def test_every_message_has_a_layer_of_its_name_and_fields() -> None:
    for cls in MESSAGES:
        layer = LAYERS[cls.code]
        assert layer is getattr(layers, cls.__name__)
        named = [field.name for field in layer.fields_desc]
        assert named[:4] == ["preamble", "orm_number", "code", "length"]
        assert sorted(named[4:]) == sorted(
            field_name(one.name) for one in fields(cls) if one.name != "orm_number"
        )


@pytest.mark.parametrize("octets", [vector["hex"] for vector in VECTORS])
def test_a_vector_is_read_as_its_message_and_written_octet_for_octet(octets: str) -> None:
    raw = bytes.fromhex(octets)
    packet = SormUnit(raw)
    assert type(packet) is LAYERS[raw[2]]
    message = CODEC.decode_lenient(raw)[0]
    for field in fields(message):
        assert getattr(packet, field_name(field.name)) == getattr(message, field.name)
    assert written(packet) == raw


def test_a_packet_is_made_from_values_as_json_has_them() -> None:
    made = layers.AddObject(
        object_number=258,
        object_type="own-subscriber",
        number_sign="own",
        number="28331",
        category="combined",
        ksl_group=1,
        priority="normal",
    )
    assert bytes(made).hex().upper() == "CC01051331323334353602010101058233F1FFFFFFFFFFFFFFFF010102"
    event = SormUnit(bytes.fromhex(EVENT))
    assert isinstance(event.calling, Party)
    event.calling = {"sign": "own", "number": "28331"}
    assert CODEC.decode(bytes(event)).calling == Party("own", "28331")  # type: ignore[attr-defined]


def test_the_length_is_that_of_the_octets_unless_given() -> None:
    assert bytes(layers.ServicesInfo(number="28331", services=[0x21]))[3] == 15
    assert bytes(layers.Start(length=3))[:4] == bytes.fromhex("CC010103")


@pytest.mark.parametrize("port", PORTS)
def test_units_one_after_another_in_tcp_are_layers_one_after_another(port: int) -> None:
    segment = IP() / TCP(sport=40001, dport=port) / layers.Start() / layers.GetVersion()
    packet = IP(bytes(segment))
    assert packet.haslayer(layers.Start)
    assert packet.haslayer(layers.GetVersion)
    assert not packet.haslayer(Octets)


def test_an_unknown_code_and_a_wrong_length_are_units_that_keep_their_octets() -> None:
    for octets in ("CC0199003132333435363738", "CC010B03313233343536FFFFFF"):
        packet = SormUnit(bytes.fromhex(octets))
        assert type(packet) is SormUnit
        assert written(packet).hex().upper() == octets


def test_octets_that_are_no_unit_are_raw() -> None:
    assert isinstance(SormUnit(b"SSH-2.0"), Octets)
    assert isinstance(SormUnit(bytes.fromhex("CC0101")), Octets)


def test_a_unit_that_segments_cut_is_put_together_by_a_session(tmp_path: Path) -> None:
    raw = bytes(layers.AddObject(object_number=258, number="28331"))
    ends = Ether() / IP(src="10.0.0.1", dst="10.0.0.2")
    frames = [
        ends / TCP(sport=40001, dport=1001, flags="PA", seq=1) / raw[:9],
        ends / TCP(sport=40001, dport=1001, flags="PA", seq=10) / raw[9:],
    ]
    path = tmp_path / "cut.pcap"
    wrpcap(str(path), frames)
    with PcapReader(str(path)) as reader:
        session = TCPSession()
        found = [one for one in map(session.process, reader) if one is not None]
    assert [one.object_number for one in found if one.haslayer(layers.AddObject)] == [258]


def test_what_is_shown_has_meanings_and_no_password() -> None:
    shown = layers.AddObject(number="28331", category="combined").show(dump=True)
    assert "both parties on one line" in shown
    assert "123456" not in shown


def test_a_value_that_cannot_be_sent_is_named() -> None:
    with pytest.raises(ValueError, match=r"object_number: .* 0\.\.65534"):
        bytes(layers.AddObject(object_number=70_000))
    with pytest.raises(ValueError, match="category: 'both'"):
        layers.AddObject(category="both")


def test_without_scapy_the_import_names_the_remedy() -> None:
    code = "import sys; sys.modules['scapy'] = None; import sorm_mediator.scapy"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: sorm_mediator.scapy needs scapy" in done.stderr
    assert "pip install 'sorm-mediator[scapy]'" in done.stderr
