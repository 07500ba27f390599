"""The target ``codec``: units of all three directions, whole and broken, and what must hold for each of them.

What is checked is what docs/protocol.md promises; docs/fuzz.md lists it check by check.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import zlib
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import captures
import protocol
from protocol import (
    COMMANDS,
    Broken,
    Channel,
    Codec,
    DecodeError,
    EncodeError,
    Message,
    Noise,
    Options,
    Problem,
    SetPassword,
    StreamFramer,
    UnknownUnit,
    decode_message_text,
)
from protocol.codec import interpreted, offsets
from protocol.codes import PREAMBLE
from protocol.framing import SAMPLE, Item
from protocol.jsonform import from_json, to_json
from protocol.jsontext import dumps, json_text
from protocol.messages import classes, wires
from protocol.oneline import one_line
from protocol.options import CHOICES
from protocol.render import octet_rows, render
from sorm_mediator.capture.events import Data, End, Flow
from sorm_mediator.capture.reader import read_bytes
from sorm_mediator.capture.units import Found, decode_events
from sorm_mediator.fuzz.corpus import Input
from sorm_mediator.fuzz.finding import Kind, Step
from sorm_mediator.fuzz.growth import MOST, growth
from sorm_mediator.fuzz.mutation import Mutator
from sorm_mediator.fuzz.target import Violation
from sorm_mediator.journal.masking import unit_document
from sorm_mediator.language import Lang, Phrase, translate

NAME = "codec"
BLOCK = 500
"""Inputs of a block: of one direction under one choice of options."""
_OF_HYPOTHESIS, _EVERY_HYPOTHESIS = 50, 12
_SECRET_STREAMS = 25
_EVERY_GROWTH = 16
_LEARNED_SHARE = 0.2
_MOST_LEARNED = 1500
_OTHER_OPTIONS = 6
"""Choices of options besides the defaults of both orders."""
_LONGEST_HELD = 270
"""Octets that a framer holds at the most (docs/protocol.md, "Framing")."""
_GROWN = 4096
_MARK_LETTERS = "bcdfghjkmnpqrstvwxzBCDFGHJKMNPQRSTVWXZ"
_MARKED = 6
_SHOWN_OF_MARK = 4
"""So many neighbouring octets of a password are not shown."""
_COMMANDS = frozenset(command.code for command in COMMANDS)
_EITHER: tuple[tuple[Lang, ...], ...] = (("en",), ("ru",))
_SECRET = "secret"  # nosec B105 # noqa: S105 - a word of the context
_GROW = "grow"

TITLES: Mapping[str, Phrase] = {
    "strict": Phrase("decode raises nothing but DecodeError, which names octet and field"),
    "lenient": Phrase("decode_lenient takes whatever begins like a unit, and says what is wrong with it"),
    "agreement": Phrase("strict and lenient decoding agree; what is let through is counted"),
    "decode-encode": Phrase("what was decoded encodes to the same octets"),
    "encode-decode": Phrase("what was encoded decodes to an equal message"),
    "declaration": Phrase("the generated coder and the declaration agree"),
    "json": Phrase("encode of decode --json gives the octets, with and without hex"),
    "people": Phrase("the texts for people, English and Russian, are made of whatever was decoded"),
    "framing": Phrase("the pieces of a stream lie side by side and cover it; 270 octets are held at most"),
    "split": Phrase("how a stream is cut makes no difference"),
    "show": Phrase("decode shows each octet once"),
    "secrets": Phrase("no password is shown, also where a command broke off"),
    "growth": Phrase("time grows in proportion to the octets"),
}
"""The checks."""


@dataclass(slots=True)
class _Side:
    """One direction under one choice of options."""

    channel: Channel
    options: Options
    codec: Codec
    mutator: Mutator
    whole: StreamFramer
    pieces: StreamFramer
    begun: int = 0
    """Octets that both framers have had."""
    learned: list[bytes] = field(default_factory=list)
    messages: dict[type[Message], list[Message]] = field(default_factory=dict)
    """Some messages of each class."""

    def renew(self) -> None:
        """Framers without a past."""
        self.whole = StreamFramer(self.channel, self.options)
        self.pieces = StreamFramer(self.channel, self.options)
        self.begun = 0


def written(options: Options) -> str:
    """The options that are not the default, as the context of an input: ``order=70 zero_digit=A``."""
    usual = Options()
    return " ".join(
        f"{name}={getattr(options, name)}"
        for name in CHOICES
        if getattr(options, name) != getattr(usual, name)
    )


def options_of(context: str) -> Options:
    """The options in the context of an input. Raises :class:`ValueError`."""
    given: dict[str, Any] = {}
    for word in context.split():
        name, _, value = word.partition("=")
        if name in (_SECRET, _GROW):
            continue
        if name not in CHOICES:
            raise ValueError(f"{name}: no option of the codec")
        given[name] = value == "True" if name == "extra_digits" else value
    return Options(**given)


class CodecTarget:
    """The target. ``seed`` chooses the options that are tried besides the defaults."""

    name = NAME
    titles = TITLES

    def __init__(self, seed: int = 0) -> None:
        self.counts = dict.fromkeys(TITLES, 0)
        self.at = ""
        random = Random(f"options {seed}")  # noqa: S311 - chance, not a secret
        chosen = [Options(order="268"), Options(order="70")]
        for _ in range(_OTHER_OPTIONS):
            other: dict[str, Any] = {name: random.choice(values) for name, values in CHOICES.items()}
            chosen.append(Options(**other))
        self._contexts = [written(options) for options in chosen]
        self._sides: dict[tuple[str, str], _Side] = {}
        self._runs: list[bytes] | None = None
        self._folder = str(Path(protocol.__file__).parent)

    # --- inputs

    def block(self, number: int, random: Random) -> Iterator[Input]:
        """The inputs of one block."""
        channel = list(Channel)[number % len(Channel)]
        context = self._contexts[0] if number < len(Channel) else random.choice(self._contexts)
        side = self._side(channel, context)
        kind = str(channel)
        if number % _EVERY_HYPOTHESIS == 0:
            for octets in self._by_hypothesis(side, random.getrandbits(32)):
                yield Input(kind, octets, context)
        if channel is Channel.COMMAND:
            for _ in range(_SECRET_STREAMS):
                mark = "".join(random.choices(_MARK_LETTERS, k=_MARKED))
                yield Input(kind, self._broken_off(side, random, mark), f"{context} {_SECRET}={mark}".strip())
        if number % _EVERY_GROWTH == 0:
            yield Input(kind, side.mutator.made(random)[:256] or b"\0", f"{context} {_GROW}=1".strip())
        for _ in range(BLOCK):
            of = side.learned if side.learned and random.random() < _LEARNED_SHARE else ()
            yield Input(kind, side.mutator.made(random, of), context)

    def learn(self, one: Input) -> None:
        """Make inputs of this one too."""
        try:
            side = self._side(Channel(one.kind), written(options_of(one.context)))
        except ValueError:
            return  # a corpus may hold what another version had
        if len(side.learned) < _MOST_LEARNED and len(one.octets) > 3:
            side.learned.append(one.octets)

    def _side(self, channel: Channel, context: str) -> _Side:
        side = self._sides.get((channel, context))
        if side is None:
            options = options_of(context)
            side = self._sides[channel, context] = _Side(
                channel, options, Codec(options), Mutator(channel, options),
                StreamFramer(channel, options), StreamFramer(channel, options),
            )  # fmt: skip
            for unit in dict.fromkeys((*self._recorded(channel, options), *self._drawn(side))):
                side.mutator.learn(unit)
        return side

    def _recorded(self, channel: Channel, options: Options) -> Iterator[bytes]:
        """The units of the shipped recordings that are of this order and channel."""
        if self._runs is None:
            self._runs = list(_units_of_runs())
        known = classes(options.order)
        for unit in self._runs:
            cls = known.get(unit[2])
            if cls is not None and cls.channel is channel:
                yield unit

    def _drawn(self, side: _Side) -> list[bytes]:
        """Units of every class, so that also those are there which no recording has."""
        from protocol.strategies import message

        units: list[bytes] = []
        for cls in classes(side.options.order).values():
            if cls.channel is side.channel:
                for drawn in _examples(message(cls, side.options), cls.code, 6):
                    units.append(side.codec.encode(drawn))
                    side.messages.setdefault(cls, []).append(drawn)
        return units

    def _by_hypothesis(self, side: _Side, seed: int) -> list[bytes]:
        """Units and noise drawn by hypothesis; the messages are checked here, since an input is octets."""
        from protocol.strategies import any_message, damaged_unit, noise

        drawn = _examples(any_message(side.options, side.channel), seed, _OF_HYPOTHESIS)
        octets: list[bytes] = []
        for message in drawn:
            self._encoded(side, message)
            octets.append(side.codec.encode(message))
        octets += _examples(damaged_unit(side.options, side.channel), seed, _OF_HYPOTHESIS // 2)
        octets += _examples(noise(side.options, side.channel), seed, _OF_HYPOTHESIS // 4)
        return octets

    def _broken_off(self, side: _Side, random: Random, mark: str) -> bytes:
        """Commands of which some break off, with the password ``mark`` in each."""
        octets = b""
        for _ in range(random.randrange(1, 5)):
            unit = bytearray(random.choice(side.mutator.units))
            places = [4, 10] if unit[2] == SetPassword.code else [4]
            for place in places:
                unit[place : place + _MARKED] = mark.encode()
            if random.random() < 0.6:
                del unit[random.randrange(1, len(unit)) :]
            octets += bytes(unit)
            if random.random() < 0.2:
                octets += bytes(random.choices(range(PREAMBLE), k=random.randrange(1, 6)))
        return octets

    # --- checks

    def check(self, one: Input, *, afresh: bool = False) -> Set[Hashable]:
        """All that must hold for octets. Returns the features of what came out."""
        channel = Channel(one.kind)
        context = one.context
        secret = growing = ""  # nosec B105 # a word, not a password
        if _SECRET in context or _GROW in context:
            words = dict(word.partition("=")[::2] for word in context.split())
            secret, growing = words.pop(_SECRET, ""), words.pop(_GROW, "")
            context = " ".join(f"{name}={value}" for name, value in words.items())
        side = self._side(channel, context)
        if growing:
            self._grows(side, one.octets)
            return set()
        if afresh:
            side.renew()
        features: list[Hashable] = []
        octets = one.octets
        items = self._framed(side, octets, afresh)
        for item in items:
            if isinstance(item, Noise):
                features.append(Noise)
            elif isinstance(item, Broken):
                self._explained(side, item)
                features.append((item.reason, item.code))
            elif item.raw is not octets and item.raw != octets:
                features += self._unit(side, item.raw, afresh)
        features += self._unit(side, octets, afresh)
        if secret:
            self._shows_no(secret, side, octets)
        if secret or afresh or zlib.crc32(octets) % 8 == 0:
            self._shown(side, octets)
        return {(channel, feature) for feature in features}

    def _framed(self, side: _Side, octets: bytes, afresh: bool) -> list[Item]:
        counts = self.counts
        self.at = "framing"
        counts["framing"] += 1
        begun = side.begun
        try:
            side.begun = -1
            whole = side.whole
            items = whole.feed(octets)
            if whole.pending > _LONGEST_HELD:
                raise Violation(Kind.MEMORY, "pending", f"{whole.pending} octets are held")
            items += whole.flush()
            end = begun
            for item in items:
                if item.offset != end:
                    raise Violation(
                        Kind.WRONG_ANSWER,
                        "side by side",
                        f"a piece at octet {item.offset - begun}, not {end - begun}",
                    )
                if isinstance(item, Noise):
                    size = item.length
                    sample = octets[end - begun : end - begun + min(size, SAMPLE)]
                    if item.sample != sample:
                        raise Violation(
                            Kind.WRONG_ANSWER, "sample", f"noise at octet {end - begun} has another sample"
                        )
                else:
                    size = len(item.raw)
                    if item.raw != octets[end - begun : end - begun + size]:
                        raise Violation(
                            Kind.WRONG_ANSWER, "raw", f"the piece at octet {end - begun} has other octets"
                        )
                end += size
            if end != begun + len(octets) or whole.pending:
                raise Violation(
                    Kind.WRONG_ANSWER, "cover", f"{len(octets)} octets went in, {end - begun} came out"
                )
            self.at = "split"
            counts["split"] += 1
            shift = 0
            for pieces in _cuts(octets, afresh=afresh):
                parts = side.pieces
                split: list[Item] = []
                for piece in pieces:
                    split += parts.feed(piece)
                split += parts.flush()
                if shift:
                    split = [item._replace(offset=item.offset - shift) for item in split]
                shift += len(octets)
                if split != items:
                    first = next(
                        (number for number, pair in enumerate(zip(items, split)) if pair[0] != pair[1]),  # noqa: B905
                        min(len(items), len(split)),
                    )
                    kinds = [
                        type(found[first]).__name__ if first < len(found) else "nothing"
                        for found in (items, split)
                    ]
                    raise Violation(
                        Kind.DEPENDS_ON_SPLIT,
                        " / ".join(kinds),
                        f"in pieces of {_sizes(pieces)} octets: {kinds[1]} in place of {kinds[0]}",
                    )
            side.begun = begun + len(octets) if not afresh else 0
        finally:
            if side.begun <= 0:
                side.renew()
        return items

    def _explained(self, side: _Side, broken: Broken) -> None:
        self.at = "people"
        self.counts["people"] += 1
        text = broken.explain(side.options)
        if not text or not translate(text, "ru"):
            raise Violation(Kind.WRONG_ANSWER, "explain", "a broken unit without an explanation")

    def _unit(self, side: _Side, unit: bytes, afresh: bool) -> Sequence[Hashable]:
        """What must hold for octets that are taken for one unit."""
        codec, counts = side.codec, self.counts
        number = zlib.crc32(unit)
        self.at = "strict"
        counts["strict"] += 1
        strict: Message | None = None
        refused: DecodeError | None = None
        try:
            strict = codec.decode(unit)
        except DecodeError as error:
            refused = error
            if afresh or number % 4 == 0:  # to find out what is wrong costs as much as all the rest
                self._named(side, unit, error)
        self.at = "lenient"
        counts["lenient"] += 1
        try:
            message, problems = codec.decode_lenient(unit, side.channel)
        except DecodeError as error:
            if len(unit) >= 4 and unit[0] == PREAMBLE:
                raise Violation(
                    Kind.UNDECLARED_ERROR, "refused", f"a unit of {len(unit)} octets is refused"
                ) from None
            str(error)
            if strict is not None:
                raise Violation(
                    Kind.WRONG_ANSWER, "refused", "decode has taken what decode_lenient refuses"
                ) from None
            return ()
        name = type(message).__name__
        for problem in problems:
            if not 0 <= problem.offset <= len(unit) or not problem.message:
                raise Violation(
                    Kind.WRONG_ANSWER, f"{name} {_field(problem)}", f"{problem} in {len(unit)} octets"
                )
        self.at = "agreement"
        counts["agreement"] += 1
        self._agree(message, problems, strict, refused, afresh=afresh or number % 4 == 0)
        self.at = "decode-encode"
        counts["decode-encode"] += 1
        again = codec.encode(message)
        if again != unit or (strict is not None and codec.encode(strict) != unit):
            raise Violation(Kind.NOT_ROUND_TRIP, f"{name} {_where(side, unit, again)}", _differs(unit, again))
        document = self._json(side, message, unit, problems)
        self._people(side, message, unit, document, ("en", "ru") if afresh else _EITHER[number >> 3 & 1])
        if isinstance(message, Message):
            if afresh or number % 2:
                self._crossed(side, message)
            if afresh or number % 16 == 1:
                self._declared(side, message, unit, problems)
        code = message.code if isinstance(message, Message) else name
        return [(code, _field(problem), problem.accepted) for problem in problems] or [(code,)]

    def _named(self, side: _Side, unit: bytes, error: DecodeError) -> None:
        """The error of strict decoding says where and what."""
        text, offset, path, partial = str(error), error.offset, error.path, error.partial
        cls = classes(side.options.order).get(unit[2]) if len(unit) > 2 else None
        if not text or not 0 <= offset <= len(unit):
            raise Violation(Kind.WRONG_ANSWER, f"offset of {path}", f"octet {offset} of {len(unit)}: {text}")
        fields = () if cls is None else wires(cls, side.options)
        if not set(partial) <= set(fields):
            raise Violation(Kind.WRONG_ANSWER, f"partial of {path}", f"{sorted(partial)} are no fields")
        if error.raw != unit:
            raise Violation(Kind.WRONG_ANSWER, "raw", "the error holds other octets")

    def _agree(
        self,
        message: Message | UnknownUnit,
        problems: Sequence[Problem],
        strict: Message | None,
        refused: DecodeError | None,
        *,
        afresh: bool,
    ) -> None:
        name = type(message).__name__
        serious = [problem for problem in problems if not problem.accepted]
        if strict is not None:
            if serious:
                raise Violation(
                    Kind.NOT_COUNTED, f"{name} {_field(serious[0])}", f"decode takes: {serious[0]}"
                )
            if type(strict) is not type(message) or strict != message:
                raise Violation(Kind.WRONG_ANSWER, name, f"decode: {strict!r}; decode_lenient: {message!r}")
            return
        if not serious:
            raise Violation(
                Kind.NOT_COUNTED, f"{name} {refused and refused.path}", f"decode refuses: {refused}"
            )
        if (
            afresh
            and refused is not None
            and (serious[0].path, serious[0].offset) != (refused.path, refused.offset)
        ):
            raise Violation(
                Kind.WRONG_ANSWER,
                f"{name} {_field(serious[0])}",
                f"decode: {refused}; decode_lenient: {serious[0]}",
            )

    def _json(
        self, side: _Side, message: Message | UnknownUnit, unit: bytes, problems: Sequence[Problem]
    ) -> Mapping[str, Any]:
        self.at = "json"
        self.counts["json"] += 1
        document = to_json(message, unit, 0, problems)
        text = dumps(document)
        quick = json_text(message, unit, 0, problems) + "}"
        # Octets may follow the other members in one and precede them in the other.
        if quick != text and json.loads(quick) != json.loads(text):
            raise Violation(
                Kind.WRONG_ANSWER, f"{type(message).__name__} text", f"{quick} in place of {text}"
            )
        if isinstance(message, Message) and not problems:
            self._spelled(side, message, document)
        parsed = json.loads(text)
        del parsed["hex"]
        again = from_json(parsed, side.options)
        octets = again if isinstance(again, bytes) else side.codec.encode(again)
        if octets != unit:
            raise Violation(
                Kind.NOT_ROUND_TRIP,
                f"{type(message).__name__} {_where(side, unit, octets)}",
                f"decode --json | encode gives {_hex(octets)}",
            )
        return document

    @staticmethod
    def _spelled(side: _Side, message: Message, document: Mapping[str, Any]) -> None:
        """Another spelling of a value is a problem, but for digits without their count (order 268, 6.10.7.5)."""
        declared = wires(type(message), side.options)
        for path, octets in document.get("octets", {}).items():
            if not getattr(declared.get(path), "parts", False):
                name = type(message).__name__
                raise Violation(Kind.NOT_COUNTED, f"{name} octets", f"{path} is spelled otherwise: {octets}")

    def _people(
        self,
        side: _Side,
        message: Message | UnknownUnit,
        unit: bytes,
        document: Mapping[str, Any],
        langs: Sequence[Lang],
    ) -> None:
        self.at = "people"
        self.counts["people"] += 1
        coding = side.options.message_text
        for lang in langs:
            for line in render(message, lang, coding=coding, raw=unit):
                if not line.isprintable():
                    raise Violation(Kind.UNESCAPED, f"{type(message).__name__} {lang}", f"a line is {line!r}")
            line = one_line(document, lang, coding=coding)
            if not line.isprintable():
                raise Violation(Kind.UNESCAPED, f"{type(message).__name__} line", f"the line is {line!r}")
        if unit[2] == protocol.ElectronicMessage.code:
            decode_message_text(unit, coding)

    def _crossed(self, side: _Side, message: Message) -> None:
        """A message with a field of another one of its class encodes and decodes, or its field is refused."""
        known = side.messages.setdefault(type(message), [])
        if not known:
            known.append(message)
            return
        names = [one.name for one in dataclasses.fields(message)]
        digest = zlib.crc32(repr(message.orm_number).encode()) + self.counts["encode-decode"]
        other = known[digest % len(known)]
        mixed = copy.copy(message)
        name = names[digest % len(names)]
        setattr(mixed, name, getattr(other, name))
        if len(known) < 32 and digest % 64 == 0:
            known.append(message)
        self._encoded(side, mixed)

    def _encoded(self, side: _Side, message: Message) -> None:
        self.at = "encode-decode"
        self.counts["encode-decode"] += 1
        try:
            unit = side.codec.encode(message)
        except EncodeError as error:
            if not str(error):
                raise Violation(
                    Kind.WRONG_ANSWER, type(message).__name__, "an error without a text"
                ) from None
            return
        read, _ = side.codec.decode_lenient(unit, side.channel)
        if read != message or type(read) is not type(message):
            name = next(
                (
                    one.name
                    for one in dataclasses.fields(message)
                    if getattr(read, one.name, None) != getattr(message, one.name)
                ),
                "",
            )
            raise Violation(
                Kind.NOT_ROUND_TRIP,
                f"{type(message).__name__} {name}",
                f"{getattr(message, name, message)!r} is read back as {getattr(read, name, read)!r}",
            )

    def _declared(self, side: _Side, message: Message, unit: bytes, problems: Sequence[Problem]) -> None:
        """The slow coder of the declaration finds the same values and octets as the generated one."""
        self.at = "declaration"
        self.counts["declaration"] += 1
        cls = type(message)
        values = interpreted(cls, side.options).parse(unit, problems=[])
        for name in wires(cls, side.options):
            if values[name] != getattr(message, name):
                raise Violation(
                    Kind.WRONG_ANSWER,
                    f"{cls.__name__} {name}",
                    f"{getattr(message, name)!r}; declared: {values[name]!r}",
                )

    def _shown(self, side: _Side, octets: bytes) -> None:
        self.at = "show"
        self.counts["show"] += 1
        channel = None if zlib.crc32(octets) & 16 else side.channel
        at = 0
        for found in _found(octets, channel, side.options):
            if found.offset != at or found.raw != octets[at : at + len(found.raw)]:
                raise Violation(Kind.WRONG_ANSWER, "octets", f"octet {at} is not shown once and as it is")
            at += len(found.raw)
            if found.message is None and not found.problems:
                raise Violation(Kind.NOT_COUNTED, "no unit", f"octets at {found.offset} are shown as fine")
        if at != len(octets):
            raise Violation(Kind.WRONG_ANSWER, "octets", f"{at} of {len(octets)} octets are shown")

    def _shows_no(self, mark: str, side: _Side, octets: bytes) -> None:
        """Nothing that people read has a password: what ``decode`` shows, the journal, the log, the pages."""
        self.at = "secrets"
        self.counts["secrets"] += 1
        if not _in_headers(mark.encode(), octets):
            return  # made smaller, so that the mark is no password any more
        parts = [mark[at : at + _SHOWN_OF_MARK] for at in range(len(mark) - _SHOWN_OF_MARK + 1)]
        hidden = [*parts, *(part.encode().hex().upper() for part in parts)]
        hidden += [part.encode().hex(" ").upper() for part in parts]
        for channel in (None, side.channel):
            for found in _found(octets, channel, side.options):
                for place, text in _texts(found):
                    if any(part in text for part in hidden):
                        raise Violation(Kind.SECRET_SHOWN, place, f"the password {mark} is in: {text}")

    def _grows(self, side: _Side, octets: bytes) -> None:
        self.at = "growth"
        self.counts["growth"] += 1

        def read(stream: bytes) -> None:
            framer = StreamFramer(side.channel, side.options)
            framer.feed(stream)
            framer.flush()
            for found in _found(stream, side.channel, side.options):
                if found.message is None:
                    octet_rows(found.raw, before=found.before)

        def times() -> float:
            return growth(lambda size: octets * (size // len(octets)), read, _GROWN)

        if (grown := times()) > MOST and times() > MOST:  # no accident
            raise Violation(
                Kind.SUPERLINEAR, "stream", f"four times the octets take {grown:.1f} times as long"
            )

    def done(self) -> int:
        """How many units were checked, each by itself."""
        return self.counts["strict"]

    # --- findings

    def steps(self, one: Input) -> tuple[Step, ...]:
        """One step: commands are sent, the rest comes from a mediator."""
        channel = Channel(one.kind)
        on = "kpd2" if channel is Channel.KPD2 else "kpd1"
        return (Step(on, one.octets, received=channel is not Channel.COMMAND),)

    def options(self, one: Input) -> Mapping[str, object]:
        """The codec's options, and how the octets are tried."""
        options = options_of(one.context)
        return {
            "channel": one.kind,
            "context": one.context,
            **{name: getattr(options, name) for name in CHOICES},
        }

    def wanted(self, file: str) -> bool:
        """The files of the codec, and the functions that it has generated."""
        return file.startswith((self._folder, "<")) and not file.startswith("<frozen")


def _units_of_runs() -> Iterator[bytes]:
    """The units in the shipped recordings, each once."""
    seen: set[bytes] = set()
    for path in sorted(path for folder in captures.__path__ for path in Path(folder).glob("runs/*.pcapng")):
        for found in decode_events(read_bytes(path.read_bytes())):
            if isinstance(found, Found) and isinstance(found.message, Message) and found.raw not in seen:
                seen.add(found.raw)
                yield found.raw


def _examples(strategy: Any, seed: int, count: int) -> list[Any]:
    """``count`` examples of a strategy of hypothesis, the same for the same seed."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    drawn: list[Any] = []

    @given(strategy)
    def draw(one: Any) -> None:
        drawn.append(one)

    draw = settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(seeded(seed)(draw))  # fmt: skip
    draw()
    return drawn


def _found(octets: bytes, channel: Channel | None, options: Options) -> Iterator[Found]:
    """What ``decode`` finds in octets."""
    flow = Flow("input")
    for item in decode_events((Data(flow, 0, octets), End(flow)), channel=channel, options=options):
        if isinstance(item, Found):
            yield item


def _in_headers(mark: bytes, octets: bytes) -> bool:
    """Whether a mark stands nowhere but where a command has its password, or its new one."""
    for at in range(len(mark) - _SHOWN_OF_MARK + 1):
        part = mark[at : at + _SHOWN_OF_MARK]
        place = octets.find(part)
        while place >= 0:
            begins = place - at - 4, place - at - 4 - _MARKED
            if not any(
                begin >= 0 and octets[begin] == PREAMBLE and octets[begin + 2] in codes
                for begin, codes in zip(begins, (_COMMANDS, (SetPassword.code,)), strict=True)
            ):
                return False
            place = octets.find(part, place + 1)
    return True


def _texts(found: Found) -> Iterator[tuple[str, str]]:
    """What people read of octets: in ``decode``, in the journal and the log of a mediator."""
    message = found.message
    if message is None:
        yield "octets", " ".join(row.value for row in octet_rows(found.raw, before=found.before))
        return
    yield "decode", "\n".join(render(message, raw=found.raw))
    yield "line", one_line(to_json(message, found.raw, problems=found.problems))
    document = unit_document(Channel.COMMAND, message, found.raw, found.problems)
    yield "journal", dumps(document)
    yield "log", one_line(document)


def _cuts(octets: bytes, *, afresh: bool) -> Iterator[list[bytes]]:
    """Ways to cut octets into pieces: one, the same for the same octets; ``afresh``: many."""
    size = len(octets)
    number = zlib.crc32(octets)
    in_three = size > 1 and (size > 64 or number % 2)
    if afresh or not in_three:
        yield [octets[at : at + 1] for at in range(size)]
    if size > 1 and (afresh or in_three):
        first, second = sorted((number % size, number // 7 % size))
        yield [octets[:first], octets[first:second], octets[second:]]
    if afresh:
        for at in range(1, min(size, 64)):
            yield [octets[:at], octets[at:]]


def _sizes(pieces: Sequence[bytes]) -> str:
    return "1" if len(pieces) > 3 else " + ".join(str(len(piece)) for piece in pieces)


def _field(problem: Problem) -> str:
    return ".".join(part for part in problem.path.split(".") if not part.isdigit())


def _where(side: _Side, unit: bytes, other: bytes) -> str:
    """The field in which two units differ first."""
    at = next((at for at, pair in enumerate(zip(unit, other)) if pair[0] != pair[1]), -1)  # noqa: B905
    if at < 0:
        return "size"
    cls = classes(side.options.order).get(unit[2]) if len(unit) > 2 else None
    if cls is None:
        return "octets"
    return max((begin, name) for name, begin in offsets(cls, side.options).items() if begin <= at)[1]


def _differs(unit: bytes, again: bytes) -> str:
    """The first octet that is encoded otherwise, and all that are encoded."""
    at = next((at for at, pair in enumerate(zip(unit, again)) if pair[0] != pair[1]), -1)  # noqa: B905
    if at < 0:
        return f"{len(unit)} octets, encodes to {len(again)}: {_hex(again)}"
    return f"octet {at} was {unit[at]:02X}h and became {again[at]:02X}h: encodes to {_hex(again)}"


def _hex(octets: bytes) -> str:
    return octets.hex(" ").upper()
