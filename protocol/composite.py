"""Wires of several parts: times, digits, parties, service codes, the rows of 24h and the entries of 25h."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from protocol.codes import (
    GROUP_TYPES,
    KSL_GROUPS,
    KSL_ROWS_PER_MESSAGE,
    MAX_DIGITS,
    SERVICES_PER_MESSAGE,
    MessageCoding,
    NumberSign,
)
from protocol.forms import (
    BoundedForm,
    DigitsForm,
    IntegerForm,
    ListForm,
    OctetsForm,
    RecordForm,
    as_hex,
)
from protocol.language import Lang, Phrase, translate
from protocol.messagetext import DEFAULT_CODING, decode_message_text
from protocol.texts import NOT_GIVEN, SERVICES, value_name_text
from protocol.values import NOBODY, KeptInt, KeptStr, KeptTuple, KslRow, Party, Raw, Time
from protocol.wire import (
    NO_VALUE,
    UNDECLARED,
    Coded,
    Complaint,
    KslOctet,
    RefusedError,
    Row,
    Source,
    Wire,
    merge,
    raw_octets,
    show_text,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_NO_DIGITS = b"\xff" * 9
_EXTRA = str.maketrans("bc", "*#")
_EXTRA_BACK = str.maketrans("*#", "bc")
_TAILS = {count: "f" * (MAX_DIGITS - count) for count in range(1, MAX_DIGITS + 1)}


def _swapped(half: Mapping[int, int]) -> bytes:
    """A translation of octets that exchanges their halves, each mapped by ``half`` first."""
    return bytes(
        half.get(octet & 15, octet & 15) << 4 | half.get(octet >> 4, octet >> 4) for octet in range(256)
    )


def _bcd(highest: int, lowest: int = 0) -> dict[int, int]:
    """Octets of the decimal values ``lowest..highest``: tens in the low half (order 268, 9.6, figure 6)."""
    return {value % 10 << 4 | value // 10: value for value in range(lowest, highest + 1)}


TIME_PARTS = (("day", _bcd(31, 1)), ("hour", _bcd(23)), ("minute", _bcd(59)), ("second", _bcd(59)))
"""The octets of a time, in order: the name of each and the values that it may have."""
_DAY = Phrase("day")
_NO_NUMBER = Phrase("a number of no digits")
_COUNT_ASKED = Phrase("count of digits")
_GROUP = Phrase("group")
_NONE = Phrase("none")
_BCD_READING = _bcd(99)
_BCD_WRITING = {value: octet for octet, value in _BCD_READING.items()}


class TimeOctets(Wire):
    """Day, hour, minute, second; None for FFh in all four (order 268, 9.6.4.2, 9.6.4.3, 10.3.1.7, 10.3.1.8)."""

    def __init__(self) -> None:
        parts = {part: BoundedForm(99) for part in Time._fields}
        form = RecordForm(Time, parts, complete=True, raw=True, nullable=True)
        super().__init__("BBBB", form, "`{day: 1..31, hour: 0..23, minute: 0..59, second: 0..59}`, `null`")

    def read(self, octets: bytes) -> tuple[Time | Raw | None, Complaint | None]:
        if octets == b"\xff\xff\xff\xff":
            return None, None
        values = []
        complaints = []
        for position, (octet, (part, legal)) in enumerate(zip(octets, TIME_PARTS, strict=True)):
            value = _BCD_READING.get(octet)
            values.append(value)
            if value is None:
                wrong = Phrase("{octet:02X}h is no {part}: a half-byte is above 9", octet=octet, part=part)
                complaints.append(Complaint(wrong, position, part))
            elif octet not in legal:
                bounds = f"{min(legal.values())}..{max(legal.values())}"
                outside = Phrase("{part} {value} is outside {bounds}", part=part, value=value, bounds=bounds)
                complaints.append(Complaint(outside, position, part))
        if None in values:
            return Raw(octets), merge(complaints)
        return Time._make(values), merge(complaints)

    def write(self, value: Any) -> bytes:
        if (raw := raw_octets(value, 4)) is not None:
            return raw
        if value is None:
            return b"\xff" * 4
        if not isinstance(value, tuple) or len(value) != 4:
            raise RefusedError("day, hour, minute and second, or none")
        for number, (part, _) in zip(value, TIME_PARTS, strict=True):
            if number not in _BCD_WRITING:
                raise RefusedError("an integer 0..99", part, number)
        return bytes(_BCD_WRITING[number] for number in value)

    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        day, hour, minute, second = names
        parts = ", ".join(
            f"{source.bind(legal, part)}[{name}]"
            for name, (part, legal) in zip(names, TIME_PARTS, strict=True)
        )
        new = source.bind(tuple.__new__, "new_tuple")
        made = f"{new}({source.bind(Time, 'Time')}, ({parts}))"
        return [], f"None if {day} == {hour} == {minute} == {second} == 255 else {made}"

    def emit_encode(self, value: str, local: str, source: Source) -> tuple[list[str], list[str]]:
        octet = source.bind(_BCD_WRITING, "bcd")
        names = [f"{local}{letter}" for letter in "dhms"]
        listed = ", ".join(names)
        return [
            f"{local} = {value}",
            f"if {local} is None: {' = '.join(names)} = 255",
            f"elif {local}.__class__ is not {source.bind(Time, 'Time')}: raise TypeError",
            "else:",
            f"    {listed} = {local}",
            *(f"    {name} = {octet}[{name}]" for name in names),
        ], names

    def show_plain(self, value: Time, lang: Lang) -> tuple[str, str]:
        clock = f"{value.hour:02}:{value.minute:02}:{value.second:02}"
        return f"{translate(_DAY, lang)} {value.day}, {clock}", ""

    def strategy(self) -> SearchStrategy[Time | None]:
        from hypothesis import strategies as st

        bounds = [(min(legal.values()), max(legal.values())) for _, legal in TIME_PARTS]
        return st.none() | st.builds(Time, *(st.integers(*bound) for bound in bounds))


class Digits(Wire):
    """Count and nine octets of digits, first digit in the low half (order 268, 6.5.5.3, 6.5.5.4); None if absent.

    ``""`` is the count 00h that some consoles send for an absent number. With ``parts`` either of the two may stand
    alone (order 268, 6.10.4): a count without digits is :class:`Raw` (:func:`digits_asked` reads it), digits without a
    count are :class:`KeptStr`.
    """

    size = 10

    def __init__(self, *, zero: str = "0", extra: bool = False, parts: bool = False) -> None:
        octets = f'`"0x0B{"FF" * 9}"`'
        count = (
            Phrase("; the count of digits alone as octets, {octets} for eleven", octets=octets)
            if parts
            else ""
        )
        values = Phrase('a text of 1 to 18 digits, `"28331"`; `null`{count}', count=count)
        super().__init__("B9s", DigitsForm(), values)
        self.zero = zero
        self.extra = extra
        self.parts = parts
        # With zeros sent as Ah, halves 0 and Ah change places: "0" then stands for Ah, and "a" for 0h.
        self.table = _swapped({0: 10, 10: 0} if zero == "A" else {})

    def read(self, octets: bytes) -> tuple[str | Raw | None, Complaint | None]:
        count = octets[0]
        if octets[1:] == _NO_DIGITS and count in (0, 0xFF):
            if count == 0:
                absent = Phrase("count 00h of an absent number; FFh is declared")
                return "", Complaint(absent, accepted=True)
            return None, None
        if self.parts and digits_asked(Raw(octets)) is not None:
            return Raw(octets), None
        text = octets[1:].translate(self.table).hex()
        digits = text.rstrip("f")
        uncounted = self.parts and count == 0xFF
        if len(digits) != count and not uncounted:
            shown = Phrase("FFh (absent)") if count == 0xFF else str(count)
            wrong = Phrase(
                "count of digits is {count}, but {digits} half-bytes are set", count=shown, digits=len(digits)
            )
            return Raw(octets), Complaint(wrong)
        read = digits.translate(_EXTRA) if self.extra else digits
        respelled = self.zero == "A" and "a" in read
        if respelled:
            read = read.replace("a", "0")
        for position, digit in enumerate(read):
            if digit in "abcdef":
                half = digit.upper()
                wrong = Phrase("half-byte {half}h is no digit", half=half)
                return Raw(octets), Complaint(wrong, 1 + position // 2)
        if respelled:
            at = digits.index("a")
            zero = Phrase("digit 0 as half-byte 0h, not Ah")
            return KeptStr(read, octets), Complaint(zero, 1 + at // 2, accepted=True)
        return (KeptStr(read, octets) if uncounted else read), None

    def write(self, value: Any) -> bytes:
        if (raw := raw_octets(value, self.size)) is not None:
            return raw
        if value is None:
            return b"\xff" + _NO_DIGITS
        if isinstance(value, KeptStr) and len(value.octets) == self.size:
            return value.octets
        if value == "":
            return b"\x00" + _NO_DIGITS
        allowed = "0123456789*#" if self.extra else "0123456789"
        if not isinstance(value, str) or len(value) > MAX_DIGITS or not set(value) <= set(allowed):
            raise RefusedError(f"1..{MAX_DIGITS} characters of {allowed}, or none")
        text = value.translate(_EXTRA_BACK) + _TAILS[len(value)]
        return bytes((len(value),)) + bytes.fromhex(text).translate(self.table)

    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        count, digits = names
        table = source.bind(self.table, "table")
        settle = source.bind(self.settled(tolerant=source.tolerant), "settle")
        return [
            f"if {count} == 255 and {digits} == {source.bind(_NO_DIGITS, 'no_digits')}: {digits} = None",
            "else:",
            f"    raw = {digits}",
            f"    {digits} = raw.translate({table}).hex().rstrip('f')",
            f"    if len({digits}) != {count} or not {digits}.isdecimal():",
            f"        {digits} = {settle}(bytes(({count},)) + raw)",
        ], digits

    def emit_encode(self, value: str, local: str, source: Source) -> tuple[list[str], list[str]]:
        table, tails = source.bind(self.table, "table"), source.bind(_TAILS, "tails")
        fromhex = source.bind(bytes.fromhex, "fromhex")
        return [
            f"{local} = {value}",
            f"if {local} is None: {local}c = 255; {local}d = {source.bind(_NO_DIGITS, 'no_digits')}",
            f"elif not {local}.isdecimal() or {local}.__class__ is not str: raise ValueError",
            "else:",
            f"    {local}c = len({local})",
            f"    {local}d = {fromhex}({local} + {tails}[{local}c]).translate({table})",
        ], [f"{local}c", f"{local}d"]

    def show(self, value: Any, lang: Lang) -> tuple[str, str]:
        asked = digits_asked(value)
        if asked is not None:
            return NO_VALUE, f"{translate(_COUNT_ASKED, lang)} {asked}"
        return super().show(value, lang)

    def show_plain(self, value: str, lang: Lang) -> tuple[str, str]:
        return show_text(value), ""

    def strategy(self) -> SearchStrategy[str | Raw | None]:
        from hypothesis import strategies as st

        alphabet = string.digits + ("*#" if self.extra else "")
        numbers = st.none() | st.text(alphabet, min_size=1, max_size=MAX_DIGITS)
        counts = st.integers(1, MAX_DIGITS).map(lambda count: Raw(bytes((count,)) + _NO_DIGITS))
        return numbers | counts if self.parts else numbers


class PartyOctets(Wire):
    """Sign, count and digits (order 268, 10.3.1.1..10.3.1.4)."""

    def __init__(self, signs: Mapping[int, NumberSign], *, zero: str = "0", extra: bool = False) -> None:
        self.sign = Coded(signs, what="number sign")
        self.digits = Digits(zero=zero, extra=extra)
        parts = {"sign": self.sign.form, "number": self.digits.form}
        form = RecordForm(Party, parts, complete=False, nullable=True, empty=NOBODY)
        super().__init__("BB9s", form, "`{sign, number}`: a number sign and digits, each may be `null`")

    def read(self, octets: bytes) -> tuple[Party, Complaint | None]:
        complaints: list[Complaint] = []
        sign = self.sign.read_part(octets[:1], 0, "sign", complaints)
        number = self.digits.read_part(octets[1:], 1, "number", complaints)
        return Party(sign, number), merge(complaints)

    def write(self, value: Any) -> bytes:
        if not isinstance(value, tuple) or len(value) != 2:
            raise RefusedError("a party: sign and number")
        octets = b""
        for part, name, wire in zip(value, Party._fields, (self.sign, self.digits), strict=True):
            octets += wire.write_part(part, name)
        return octets

    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        _, sign = self.sign.emit_decode(names[:1], source)
        lines, number = self.digits.emit_decode(names[1:], source)
        new = source.bind(tuple.__new__, "new_tuple")
        return lines, f"{new}({source.bind(Party, 'Party')}, ({sign}, {number}))"

    def emit_encode(self, value: str, local: str, source: Source) -> tuple[list[str], list[str]]:
        _, sign = self.sign.emit_encode(f"{local}s", local, source)
        lines, number = self.digits.emit_encode(f"{local}n", local, source)
        return [f"{local}s, {local}n = {value}", *lines], sign + number

    def show_plain(self, value: Party, lang: Lang) -> tuple[str, str]:
        number = NO_VALUE if value.number is None else str(value.number)
        if value.number == "":
            number = f'"" {translate(_NO_NUMBER, lang)}'
        if value.sign is None:
            return number, translate(NOT_GIVEN, lang)
        undeclared = isinstance(value.sign, Raw)
        meaning = translate(UNDECLARED, lang) if undeclared else value_name_text(str(value.sign), lang)
        return number, f"{value.sign}: {meaning}"

    def strategy(self) -> SearchStrategy[Party]:
        from hypothesis import strategies as st

        return st.builds(Party, self.sign.strategy(), self.digits.strategy())


class ServiceOctets(Wire):
    """Three octets of which one is a service code, or None (order 268, 9.5.5.2, 10.3.1.11)."""

    size = 3

    def __init__(self, position: str) -> None:
        self.place = 2 if position == "third" else 0
        self.code = Coded.table(SERVICES, what="service")
        super().__init__("BBB", IntegerForm(0xFF), self.code.values)
        self.meaning = self.code.meaning

    def read(self, octets: bytes) -> tuple[int | Raw | None, Complaint | None]:
        places = [place for place, octet in enumerate(octets) if octet != 0xFF]
        if not places:
            return None, None
        if len(places) > 1:
            several = Phrase("more than one of three octets is set: {octets}", octets=octets.hex(" ").upper())
            return Raw(octets), Complaint(several, places[0])
        place = places[0]
        value, complaint = self.code.read(octets[place : place + 1])
        if complaint is not None:
            complaint = complaint._replace(offset=place)
        if place != self.place:
            if complaint is None:
                complaint = Complaint(
                    Phrase("service code in octet {place} of three", place=place + 1), place, accepted=True
                )
            value = KeptInt(value, octets)
        return value, complaint

    def write(self, value: Any) -> bytes:
        if (raw := raw_octets(value, self.size)) is not None:
            return raw
        if isinstance(value, KeptInt) and len(value.octets) == self.size:
            return value.octets
        code = self.code.write(value)
        return b"\xff\xff" + code if self.place else code + b"\xff\xff"

    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        code = names[self.place]
        others = [name for name in names if name != code]
        settle = source.bind(self.settled(tolerant=source.tolerant), "settle")
        return [
            f"if {others[0]} & {others[1]} != 255: {code} = {settle}(bytes(({', '.join(names)})))",
            f"else: {code} = {source.bind(self.code.decoding, 'decoding')}[{code}]",
        ], code

    def emit_encode(self, value: str, local: str, source: Source) -> tuple[list[str], list[str]]:
        items = ["255", "255", local] if self.place else [local, "255", "255"]
        return [
            f"{local} = {value}",
            f"if {local} is None: {local} = 255",
            f"elif {local}.__class__ is not int: raise TypeError",
        ], items

    def strategy(self) -> SearchStrategy[int | None]:
        return self.code.strategy()


KSL_GROUP = Coded.numbers(KSL_GROUPS, what="KSL group")
GROUP_TYPE = Coded(GROUP_TYPES, what="group type")
KSL_LINE = KslOctet()


class KslRows(Wire):
    """Eleven rows of four octets; rows of FFh at the end are unused (order 268, 9.4.4, 9.4.5)."""

    most = KSL_ROWS_PER_MESSAGE

    def __init__(self) -> None:
        wires: tuple[Wire, ...] = (KSL_GROUP, GROUP_TYPE, KSL_LINE, KSL_LINE)
        self.parts = dict(zip(KslRow._fields, wires, strict=True))
        row = RecordForm(KslRow, {name: wire.form for name, wire in self.parts.items()}, complete=False)
        form = ListForm(row, f"a list of rows with {', '.join(KslRow._fields)}")
        values = f"a list of at most {self.most} rows `{{{', '.join(self.parts)}}}`"
        super().__init__(f"{4 * self.most}s", form, values)

    def read(self, octets: bytes) -> tuple[tuple[KslRow, ...], Complaint | None]:
        used = -(-len(octets.rstrip(b"\xff")) // 4)
        complaints: list[Complaint] = []
        rows = []
        for index in range(used):
            row = enumerate(self.parts.items(), 4 * index)
            rows.append(
                KslRow._make(
                    wire.read_part(octets[at : at + 1], at, f"{index}.{name}", complaints)
                    for at, (name, wire) in row
                )
            )
        return tuple(rows), merge(complaints)

    def write(self, value: Any) -> bytes:
        if not isinstance(value, tuple | list) or len(value) > self.most:
            raise RefusedError(f"at most {self.most} rows")
        octets = b""
        for index, row in enumerate(value):
            if not isinstance(row, tuple) or len(row) != len(self.parts):
                raise RefusedError(f"a row: {', '.join(self.parts)}", str(index), row)
            for part, (name, wire) in zip(row, self.parts.items(), strict=True):
                octets += wire.write_part(part, f"{index} -> {name}")
        return octets.ljust(4 * self.most, b"\xff")

    def rows(self, caption: str, value: Any, lang: Lang) -> list[Row]:
        _, _, *lines = self.parts.values()
        shown = []
        for index, row in enumerate(value, 1):
            parts = [NO_VALUE if part is None else str(part) for part in row[:2]]
            ksl = [wire.show(line, lang)[0] for wire, line in zip(lines, row[2:], strict=True)]
            shown.append(Row(str(index), f"{translate(_GROUP, lang)} {', '.join(parts)}", " / ".join(ksl)))
        return shown or [Row(caption, NO_VALUE, translate(_NONE, lang))]

    def strategy(self) -> SearchStrategy[tuple[KslRow, ...]]:
        from hypothesis import strategies as st

        row = st.builds(KslRow, *(wire.strategy() for wire in self.parts.values()))
        unused = KslRow(None, None, None, None)
        return (
            st.lists(row, max_size=self.most).map(tuple).filter(lambda rows: not rows or rows[-1] != unused)
        )


class Tail(Wire):
    """All octets to the end of the unit; :attr:`lengths` are the numbers of them that there may be."""

    lengths: frozenset[int]


class ServiceEntries(Tail):
    """Count and three octets a service, padded to 34 octets if empty or if ``fixed`` (order 268, 9.5.4, 9.5.5.3).

    At most eleven services are written. As many as the length octet has room for are read, and kept as they came: a
    capture may hold them.
    """

    padded = 34
    most = SERVICES_PER_MESSAGE
    readable = 81

    def __init__(self, position: str, *, fixed: bool) -> None:
        self.entry = ServiceOctets(position)
        form = ListForm(self.entry.form, 'a list, or octets such as "0x1A"', raw=True)
        super().__init__("", form, f"a list of at most {self.most} service codes")
        self.fixed = fixed
        self.lengths = frozenset({1 + 3 * count for count in range(1, self.readable + 1)} | {self.padded})

    def in_line(self, value: int, lang: Lang) -> str:
        return self.entry.in_line(value, lang)

    def _length(self, count: int) -> int:
        plain = 1 + 3 * count
        return max(plain, self.padded) if self.fixed or not count else plain

    def read(self, octets: bytes) -> tuple[tuple[int | Raw | None, ...] | Raw, Complaint | None]:
        count = octets[0]
        end = 1 + 3 * count
        if end > len(octets):
            fitting = (len(octets) - 1) // 3
            return Raw(octets), Complaint(
                Phrase("{count} services are announced, but {fitting} fit", count=count, fitting=fitting)
            )
        complaints: list[Complaint] = []
        services = [
            self.entry.read_part(octets[at : at + 3], at, str(index), complaints)
            for index, at in enumerate(range(1, end, 3))
        ]
        filler = octets[end:]
        if filler.strip(b"\xff"):
            at = end + len(filler) - len(filler.lstrip(b"\xff"))
            complaints.append(
                Complaint(Phrase("{octet:02X}h after the services is not FFh", octet=octets[at]), at)
            )
        excess = count > self.most
        if excess:
            complaints.append(
                Complaint(
                    Phrase("{count} services; one message has at most {most}", count=count, most=self.most),
                    accepted=True,
                )
            )
        if len(octets) != self._length(count):
            length = Phrase("length {length} with {count} services", length=11 + len(octets), count=count)
            is_other_choice = len(octets) in ((end, self.padded) if count else (self.padded,))
            complaints.append(Complaint(length, accepted=True) if is_other_choice else Complaint(length, end))
        read: tuple[int | Raw | None, ...] = tuple(services)
        if excess or filler.strip(b"\xff") or len(octets) != self._length(count):
            read = KeptTuple(read, octets)
        return read, merge(complaints)

    def write(self, value: Any) -> bytes:
        if isinstance(value, Raw):
            return bytes(value)
        if isinstance(value, KeptTuple) and value.octets:
            return value.octets
        if not isinstance(value, tuple | list) or len(value) > self.most:
            raise RefusedError(f"at most {self.most} services in one message")
        octets = bytes((len(value),))
        for index, part in enumerate(value):
            octets += self.entry.write_part(part, str(index))
        return octets.ljust(self._length(len(value)), b"\xff")

    def emit_decode(self, names: list[str], source: Source) -> tuple[list[str], str]:
        settle = self.settled(tolerant=source.tolerant)
        decoding = self.entry.code.decoding
        place = self.entry.place
        blank = [index + 1 for index in range(3) if index != place]
        filler = tuple(b"\xff" * count for count in range(self.most + 1))
        fixed, most = self.fixed, self.most

        def read(octets: bytes) -> Any:
            count = octets[0]
            unpadded = len(octets) == 1 + 3 * count
            if fixed or not unpadded or count > most or any(octets[at::3] != filler[count] for at in blank):
                return settle(octets)
            return tuple([decoding[code] for code in octets[place + 1 :: 3]])

        return [], f"{source.bind(read, 'read')}({names[0]})"

    def rows(self, caption: str, value: Any, lang: Lang) -> list[Row]:
        if isinstance(value, Raw) or value is None:
            return super().rows(caption, value, lang)
        shown = [
            Row("" if index else caption, *self.entry.show(one, lang)) for index, one in enumerate(value)
        ]
        return shown or [Row(caption, NO_VALUE, translate(_NONE, lang))]

    def strategy(self) -> SearchStrategy[tuple[int, ...]]:
        from hypothesis import strategies as st

        return st.lists(st.sampled_from(sorted(SERVICES)), max_size=self.most).map(tuple)


class MessageOctets(Tail):
    """The octets of a telecommunication message, to the end of the unit; ``coding`` is what people read them in.

    At most ``most`` are written. Up to ``readable`` are read, the longer ones as :class:`Raw`, which goes back as it
    came.
    """

    def __init__(
        self, most: int, *, readable: int, what: str, coding: MessageCoding = DEFAULT_CODING
    ) -> None:
        values = f'at most {most} octets, `"0x0102"`, or a text of Latin characters'
        super().__init__("", OctetsForm(text=True), values)
        self.lengths = frozenset(range(readable + 1))
        self.coding = coding
        self.most = most
        self.what = what

    def read(self, octets: bytes) -> tuple[bytes, Complaint | None]:
        if len(octets) <= self.most:
            return bytes(octets), None
        long = Phrase(
            "{size} octets; {what}: at most {most}", size=len(octets), what=self.what, most=self.most
        )
        return Raw(octets), Complaint(long, self.most, accepted=True)

    def write(self, value: Any) -> bytes:
        if isinstance(value, Raw) and len(value) in self.lengths:
            return bytes(value)
        if not isinstance(value, bytes) or len(value) > self.most:
            raise RefusedError(f"at most {self.most} octets")
        return bytes(value)

    def show(self, value: Any, lang: Lang) -> tuple[str, str]:
        if not value:
            return NO_VALUE, translate(_NONE, lang)
        text = "".join(
            character if character.isprintable() else repr(character)[1:-1]
            for character in decode_message_text(value, self.coding)
        )
        return as_hex(value), f'"{text}"'

    def strategy(self) -> SearchStrategy[bytes]:
        from hypothesis import strategies as st

        return st.binary(max_size=self.most)


def digits_asked(number: object) -> int | None:
    """How many digits the numbers have that command 10 asks for, if it asks for a count alone (order 268, 6.10.7.4).

    ``number`` is that field's value. None if it is no count alone.
    """
    if isinstance(number, Raw) and number[1:] == _NO_DIGITS and number[0] in range(1, MAX_DIGITS + 1):
        return number[0]
    return None
