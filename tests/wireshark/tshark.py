"""tshark with the dissector: what it shows of the units of a capture, and what ``decode`` says of the same capture."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol import Ksl, Message, Options, Party, Time
from protocol.jsonform import to_json, unknown_json
from protocol.messages import caption, wires
from protocol.messagetext import decode_message_text
from protocol.oneline import one_line
from protocol.render import command_text, has_another_inside, heading
from protocol.values import Raw
from protocol.wire import MASK
from sorm_mediator.capture.reader import read_input
from sorm_mediator.capture.units import Found, decode_events
from sorm_mediator.language import Lang, translate
from sorm_mediator.wireshark.declarations import SHORT, field_filters, filters
from sorm_mediator.wireshark.script import BETWEEN

QUIET = ("Running as user",)
"""Lines of stderr that say nothing about the dissector."""


def need(program: str = "tshark") -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed: apt install tshark")
    return found


def tshark(home: Path, *words: str | Path) -> str:
    """What tshark prints, with the preferences and plugins of a user whose home is ``home``.

    Anything on stderr fails the test: there Lua reports what it can't load.
    """
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [need(), *map(str, words)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    said = [line for line in done.stderr.splitlines() if line and not line.startswith(QUIET)]
    assert (done.returncode, said) == (0, [])
    assert re.findall(".*Lua Error.*", done.stdout) == []
    return done.stdout


LAYERS = "frame ip tcp x25 sorm"
"""The layers that a comparison reads."""
LABEL = 200
"""Characters of a label that Wireshark certainly shows; it cuts longer ones."""


COLUMN = 4000
"""Characters of a column that Wireshark shows."""


class Shown(dict[str, Any]):
    """A unit as tshark shows it, or as it is to show it."""


def shown(
    home: Path, capture: Path, *words: str
) -> tuple[dict[str, list[Shown]], list[tuple[str, list[Shown]]]]:
    """The units of each flow; and for every frame with units its Info and them."""
    flows: defaultdict[str, list[Shown]] = defaultdict(list)
    frames = []
    common: list[str | Path] = ["-r", capture, "-Y", "sorm", *words]
    text = tshark(home, *common, "-T", "pdml", "-J", LAYERS)
    lines = tshark(home, *common, "-T", "fields", "-e", "_ws.col.Info").removesuffix("\n").split("\n")
    packets = ET.fromstring(text).findall("packet")  # noqa: S314 - of tshark
    assert len(packets) == len(lines)
    for packet, line in zip(packets, lines, strict=True):
        units = [
            _unit(proto) for proto in packet.findall("proto[@name='sorm']") if proto.find("field") is not None
        ]
        if units:
            flow = _flow(packet)
            flows[flow].extend(units)
            frames.append((line, units))
    return dict(flows), frames


def _flow(packet: ET.Element) -> str:
    def value(name: str) -> str:
        found = packet.find(f".//field[@name='{name}']")
        return "" if found is None else found.get("show", "")

    if value("tcp.srcport"):
        return f"{value('ip.src')}:{value('tcp.srcport')} > {value('ip.dst')}:{value('tcp.dstport')} tcp"
    direction = {"0": "out", "1": "in"}[value("frame.p2p_dir")]
    return f"{value('frame.interface_name')} {direction} x25 channel {value('x25.lcn')}"


def _unit(proto: ET.Element) -> Shown:
    fields: list[tuple[str, str]] = []
    labels: list[str] = []
    problems = []
    for field in proto.iter("field"):
        name = field.get("name", "")
        if name == "_ws.expert":
            message = next(one.get("show") for one in field if one.get("name") == "_ws.expert.message")
            kind = next(one.get("name") for one in field if str(one.get("name")).startswith("sorm."))
            if kind != "sorm.refused":
                problems.append((int(field.get("pos", "0")) - int(proto.get("pos", "0")), kind, message))
        elif name.startswith("sorm.") and name not in ("sorm.problem", "sorm.accepted", "sorm.refused"):
            fields.append((name, str(field.get("show"))))
    for field in proto.findall("field"):
        labels.append(str(field.get("showname") or field.get("show")).removeprefix(" [truncated]"))
    return Shown(
        size=int(proto.get("size", "0")),
        title=str(proto.get("showname")),
        fields=sorted(fields),
        labels=labels,
        problems=sorted(problems),
    )


# --- what decode says


def decoded(capture: Path, options: Options, lang: Lang = "en") -> dict[str, list[Shown]]:
    """The units of each flow as ``decode --json`` has them, in the form of :func:`shown`."""
    flows: defaultdict[str, list[Shown]] = defaultdict(list)
    with capture.open("rb") as stream:
        for item in decode_events(read_input(stream), options=options):
            if isinstance(item, Found):
                flows[item.flow.label].append(_expected(item, options, lang))
    return dict(flows)


def _expected(found: Found, options: Options, lang: Lang) -> Shown:
    message, raw = found.message, found.raw
    if message is None:
        document = unknown_json(raw, 0, found.problems, lang=lang)
    else:
        document = to_json(message, raw, 0, found.problems, lang=lang)
    is_hidden = isinstance(message, Message) and has_another_inside(raw)
    fields: list[tuple[str, str | None]] = [("sorm.kind", document["kind"])]
    fields += [(f"sorm.{name}", document[name]) for name in ("name", "channel") if document[name]]
    if document["code"] is not None:
        orm = str(document["orm_number"])
        fields += [("sorm.orm_number", orm), ("sorm.orm", orm), ("sorm.code", f"0x{document['code']:02x}")]
        fields.append(("sorm.length", str(raw[3])))
    labels: list[str] = []
    if isinstance(message, Message) and not is_hidden:
        fields += _fields(message, document, options)
        labels += _labels(message, options, lang)
    elif message is None or not isinstance(message, Message):
        fields += _leaf("sorm.payload", document["fields"]["payload"])
    heads = [] if message is None else [heading(message, lang)]
    return Shown(
        size=len(raw),
        title=f"SORM, {(heads or [one['message'] for one in document['problems']])[0]}",
        fields=sorted(fields),
        labels=labels,
        problems=sorted(
            (
                problem.offset,
                "sorm.accepted" if problem.accepted else "sorm.problem",
                ": ".join(
                    filter(None, [problem.path, MASK if is_hidden else translate(problem.message, lang)])
                ),
            )
            for problem in found.problems
        ),
        line=one_line(document, lang, coding=options.message_text),
    )


KINDS = {one.name: one for one in filters()}


def _fields(message: Message, document: dict[str, Any], options: Options) -> Iterator[tuple[str, str | None]]:
    named = field_filters(type(message))
    for name, value in document["fields"].items():
        name_of = named.get(name, f"sorm.{name}")
        if name in ("password", "new_password"):
            value = MASK
        yield from _value(name_of, value, getattr(message, name, None))
        if name in SHORT and isinstance(value, int):
            yield f"sorm.{SHORT[name]}", str(value)
        if name_of == "sorm.electronic-message.text" and value != "0x":
            octets = bytes.fromhex(value[2:])
            yield from _leaf("sorm.content", decode_message_text(octets, options.message_text))
    for octets in document.get("octets", {}).values():
        yield "sorm.octets", ":".join(re.findall("..", octets[2:].lower()))


def _value(name: str, value: Any, held: Any) -> Iterator[tuple[str, str | None]]:
    if isinstance(value, list):
        for one, of in zip(value, held, strict=True):
            yield from _value(name, one, of)
    elif isinstance(value, dict):
        if all(part is None for part in value.values()):
            return
        if value.keys() == {"stream", "ksl"}:
            yield name, f"{value['stream']}/{value['ksl']}"
        elif isinstance(held, Time):
            yield name, "{} {:02}:{:02}:{:02}".format(*held)
        elif isinstance(held, Party):
            sign = "" if value["sign"] in ("own", None) else f"({value['sign']})"
            yield name, f"{'-' if value['number'] is None else value['number']}{sign}"
        else:
            yield name, None
        for part, below in value.items():
            yield from _value(f"{name}.{part}", below, getattr(held, part))
    elif value is not None:
        yield from _leaf(name, value)
        if isinstance(held, Raw) and KINDS[name].kind != "bytes":
            yield "sorm.octets", ":".join(f"{octet:02x}" for octet in held)
        elif name.endswith((".calling.number", ".called.number", ".number")) and name != "sorm.number":
            yield "sorm.number", value


def _leaf(name: str, value: Any) -> Iterator[tuple[str, str | None]]:
    kind = KINDS[name].kind
    if kind == "bytes":
        if value != "0x":
            yield name, ":".join(re.findall("..", value[2:].lower()))
    elif kind == "string":
        yield name, value if value.isprintable() else None
    elif isinstance(value, int):
        yield name, f"0x{value:02x}" if KINDS[name].is_code else str(value)


def _labels(message: Message, options: Options, lang: Lang) -> Iterator[str]:
    for name, wire in wires(type(message), options).items():
        value = getattr(message, name)
        title = translate(caption(name), lang)
        if name == "orm_number":
            continue
        rows = wire.rows(title, value, lang)
        if name == "command":
            rows = [rows[0]._replace(value=f"{value:02X}h", meaning=command_text(value, lang))]
        for number, row in enumerate(rows, 1):
            many = isinstance(value, tuple) and not isinstance(value, Ksl | Time | Party) and value
            shown = f"{title} {number}" if many else row.caption
            yield f"{shown}: {row.value} ({row.meaning})" if row.meaning else f"{shown}: {row.value}"


def compare(home: Path, capture: Path, options: Options | None = None, lang: Lang = "en", *words: str) -> int:
    """What tshark shows of a capture is what decode says of it. Returns how many units were compared."""
    options = options or Options()
    flows, frames = shown(home, capture, *words)
    wanted = decoded(capture, options, lang)
    compared = 0
    for label, units in wanted.items():
        ours, theirs = _merged(units), _merged(flows.pop(label, []))
        for want, got in zip(ours, theirs, strict=False):
            assert _same(got, want), f"{label}\n{got}\n{want}"
            got["origin"]["line"] = None if want["noise"] else want["line"]
            compared += 1
        assert len(theirs) <= len(ours), label
        rest = ours[len(theirs) :]
        assert not rest or "begun and not finished" in rest[0]["title"] or rest[0]["noise"], (label, rest)
    assert flows == {}
    for line, units in frames:
        known = [unit.get("line") for unit in units]
        if None not in known and all(one.isprintable() for one in known if one):
            assert line[:COLUMN] == BETWEEN.join(one for one in known if one)[:COLUMN]
    return compared


def _merged(units: list[Shown]) -> list[Shown]:
    """Noise that lies together is one."""
    found: list[Shown] = []
    for unit in units:
        is_noise = unit["title"] == "SORM, octets that belong to no unit"
        if is_noise and found and found[-1]["noise"]:
            found[-1]["size"] += unit["size"]
        else:
            found.append(Shown(unit, noise=is_noise, origin=unit))
    return found


def _same(got: Shown, want: Shown) -> bool:
    if want["noise"] or got["noise"]:
        return bool(got["noise"] and want["noise"] and got["size"] == want["size"])
    names = [name for name, _ in got["fields"]] == [name for name, _ in want["fields"]]
    values = all(
        wanted is None or value == wanted
        for (_, value), (_, wanted) in zip(got["fields"], want["fields"], strict=False)
    )
    return bool(
        names
        and values
        and all(got[key] == want[key] for key in ("size", "title", "problems"))
        and all(
            any(shown.startswith(label[:LABEL]) for shown in got["labels"])
            for label in want["labels"]
            if label.isprintable()
        )
    )
