"""Call detail records: a file for each domain, mode and day.

Each call leaves one record in each domain that it passed through, when it ends. The fields of a mode are declared once
(:data:`FIELDS`). They come from the call and its routing alone: no field says whether an object on control took part,
and a call leaves the same record with objects as without (order 268, rule 6).

A mode is written where the domain has it (``cdr``) and the active licence names it (its row ``cdr``, "CDR generation
mode(s)"). The manual names the modes ``basic`` and ``sorm3`` and no fields: those are our choice. ``sorm3`` has the
numbers as SORM is shown them besides, as a store of call data for other purposes would need.

Source: ECSS-10 manual, Licence limits; order 268, rule 6, 10.2.1.7 (kinds of connection) and 11.3.5 (causes).
"""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO, StringIO
from pathlib import Path
from typing import Final

from sorm_mediator.switch.calls.call import Call, Endpoint, Leg, connection

MODES: Final = ("basic", "sorm3")


@dataclass(frozen=True, slots=True)
class CdrField:
    """A field of a record. mode: "basic" fields are in both modes, the others in sorm3 alone."""

    name: str
    mode: str
    meaning: str
    value: Callable[[Call, Leg], object]


def _moment(time: float | None) -> str:
    """UTC with milliseconds (ISO 8601); "" for what did not happen."""
    if time is None:
        return ""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _talked(call: Call) -> str:
    if call.answer_time is None or call.release_time is None:
        return "0.000"
    return f"{call.release_time - call.answer_time:.3f}"


def _way(party: Endpoint) -> str:
    """The trunk, or the interface of the bridge."""
    if party.trunk is not None:
        return party.trunk.name
    return party.bridge.iface if party.bridge is not None else ""


def _services(call: Call) -> str:
    return " ".join(f"{use.code:02X}/{use.phase:02X}" for use in call.services)


FIELDS: Final = (
    CdrField("call", "basic", "id of the call, as in the HTTP API", lambda call, _: call.id),
    CdrField("domain", "basic", "the domain", lambda _, leg: leg.domain.name),
    CdrField("calling", "basic", "A as routed", lambda _, leg: leg.calling.number.digits),
    CdrField("dialled", "basic", "B as it came into the domain", lambda _, leg: leg.request.b.digits),
    CdrField("called", "basic", "B as routed at the end, after forwarding and transfer",
             lambda _, leg: leg.called.number.digits),
    CdrField("trunk_in", "basic", "trunk or bridge that the call came by; empty: from inside",
             lambda _, leg: _way(leg.calling)),
    CdrField("trunk_out", "basic", "trunk or bridge that it left by; empty: it stayed",
             lambda _, leg: _way(leg.called)),
    CdrField("started", "basic", "start of the call, UTC", lambda call, _: _moment(call.started)),
    CdrField("answered", "basic", "answer; empty: none", lambda call, _: _moment(call.answer_time)),
    CdrField("released", "basic", "end", lambda call, _: _moment(call.release_time)),
    CdrField("duration", "basic", "seconds from the answer to the end", lambda call, _: _talked(call)),
    CdrField("cause", "basic", "cause of the end, an octet of 43h (order 268, 11.3.5)",
             lambda call, _: f"{call.release_cause or 0:02X}"),
    CdrField("connection", "sorm3", "kind of connection (order 268, 10.2.1.7)",
             lambda _, leg: f"{connection(leg.calling, leg.called):02X}"),
    CdrField("calling_sorm", "sorm3", "A as SORM is shown it", lambda _, leg: leg.calling.party.digits),
    CdrField("calling_ni", "sorm3", "its indicator", lambda _, leg: leg.calling.party.ni),
    CdrField("called_sorm", "sorm3", "B as SORM is shown it", lambda _, leg: leg.called.party.digits),
    CdrField("called_ni", "sorm3", "its indicator", lambda _, leg: leg.called.party.ni),
    CdrField("forwarded_by", "sorm3", "subscribers that forwarded the call, in order",
             lambda call, _: " ".join(one.number for one in call.forwarders)),
    CdrField("services", "sorm3", "services used, code and phase (order 268, 10.2.1.8)",
             lambda call, _: _services(call)),
)  # fmt: skip


def fields_of(mode: str) -> tuple[CdrField, ...]:
    """The fields of a mode, in their order."""
    return tuple(field for field in FIELDS if mode in (field.mode, "sorm3"))


def record(call: Call, leg: Leg, mode: str) -> dict[str, str]:
    """The record of a call in the domain of a leg: its fields by name."""
    return {field.name: str(field.value(call, leg)) for field in fields_of(mode)}


def records_of(call: Call) -> list[tuple[Leg, str]]:
    """The records that a call leaves: in each domain that it passed through, in each mode of that domain."""
    return [(leg, mode) for leg in call.legs for mode in leg.domain.config.cdr]


def licensed_modes(value: object) -> frozenset[str]:
    """The modes that a licence's row ``cdr`` names, such as ``basic, sorm3``."""
    return frozenset(str(value).replace(",", " ").split())


class CdrFiles:
    """The files below a directory: ``DOMAIN/MODE/YYYYMMDD.csv`` by the day of the call's end, UTC.

    Only their owner may read them. A file begins with a line of the names of its fields.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.failing = False
        """Whether the last record could not be written."""
        self._open: dict[tuple[str, str], tuple[str, FileIO]] = {}
        """Domain and mode -> the day, and its file."""

    def write(self, call: Call, leg: Leg, mode: str) -> None:
        """Append the record of a released call, all of it or nothing. Raises :class:`OSError`."""
        day = datetime.fromtimestamp(call.release_time or call.started, UTC).strftime("%Y%m%d")
        file = self._file(leg.domain.name, mode, day)
        size = os.fstat(file.fileno()).st_size
        names = _line(field.name for field in fields_of(mode)) if size == 0 else b""
        line = names + _line(record(call, leg, mode).values())
        if file.write(line) != len(line):
            file.truncate(size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def prepare(self, domains: Mapping[str, tuple[str, ...]]) -> None:
        """Make the folders of these domains and modes. Raises :class:`OSError`."""
        for domain, modes in domains.items():
            for mode in modes:
                (self.directory / domain / mode).mkdir(mode=0o700, parents=True, exist_ok=True)

    def close(self) -> None:
        """Close the files."""
        for _, file in self._open.values():
            file.close()
        self._open.clear()

    def _file(self, domain: str, mode: str, day: str) -> FileIO:
        known = self._open.get((domain, mode))
        if known is not None and known[0] == day:
            return known[1]
        if known is not None:
            del self._open[domain, mode]
            known[1].close()
        self.prepare({domain: (mode,)})
        path = self.directory / domain / mode / f"{day}.csv"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        file = FileIO(descriptor, "a")
        if os.fstat(descriptor).st_size and not _ends_a_line(path):
            file.write(b"\n")
        self._open[domain, mode] = day, file
        return file


def _ends_a_line(path: Path) -> bool:
    """Whether a file ends in a whole record: of a process that was killed it may have half of one."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _line(cells: Iterable[str]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
