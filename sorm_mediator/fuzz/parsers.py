"""The target ``parsers``: everything that reads text or files of others, and what each may raise.

A parser takes any octets, raises its declared errors alone, and takes time in proportion to what it reads.
"""

from __future__ import annotations

import inspect
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence, Set
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random

import captures
from sorm_mediator.fuzz.corpus import Input
from sorm_mediator.fuzz.finding import Kind, Step
from sorm_mediator.fuzz.growth import MOST, TIMES, growth
from sorm_mediator.fuzz.target import Violation
from sorm_mediator.language import Phrase

NAME = "parsers"
BLOCK = 20
"""Inputs of a block, which is for one parser."""
_PATTERNS = 6
_LONG = 12_000
"""Octets of an input in which a piece is repeated (our choice: what is quadratic takes a second then)."""
_SLOW = 0.03
"""Seconds of processor time of such an input from which on its growth is looked at."""
_REPEATED = "repeated"
_MOST_LEARNED = 500
_NOW = 1_700_000_000.0

Read = Callable[[bytes], object]
Declared = tuple[type[Exception], ...]


@dataclass(frozen=True, slots=True)
class Parser:
    """One parser. ``load`` imports it: what it reads octets with, and the errors that it declares."""

    title: Phrase
    load: Callable[[], tuple[Read, Declared]]
    seeds: Callable[[], Sequence[bytes]]
    tokens: tuple[bytes, ...] = ()
    """Pieces of its language."""
    one_line: bool = False
    """Whether its errors are lines without control characters."""
    has_keys: bool = False
    """Whether it has names with values: they are misspelt, left out and taken from elsewhere, all else stays right."""
    of_pages: bool = False
    """Whether octets have their place in it, as in a database: they are damaged where they are."""


# --- how each is called


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _contexts() -> tuple[Read, Declared]:
    from sorm_mediator.switch.routing.context_file import ContextError, parse_context

    return lambda octets: parse_context(octets, "c.xml"), (ContextError,)


def _masks() -> tuple[Read, Declared]:
    from sorm_mediator.switch.routing import masks
    from sorm_mediator.switch.routing.route import NumberingError, expand_numbers

    compilers: list[Callable[[str], object]] = [
        inspect.unwrap(masks.compile_mask), inspect.unwrap(masks.compile_template),
        inspect.unwrap(masks.compile_digitmap), expand_numbers,
    ]  # fmt: skip
    declared = (masks.MaskError, masks.SubstitutionError, masks.DigitMapError, NumberingError)
    return _each(compilers, declared), declared


def _each(functions: Sequence[Callable[[str], object]], declared: Declared) -> Read:
    """Reads a text in several ways, each of which may refuse it."""

    def read(octets: bytes) -> None:
        text = _text(octets)
        for function in functions:
            try:
                function(text)
            except declared:
                continue  # the next one may take it

    return read


def _shell() -> tuple[Read, Declared]:
    from sorm_mediator.switch.changes import ChangeRefused
    from sorm_mediator.switch.shell.parser import Parser as ShellParser
    from sorm_mediator.switch.shell.parser import split
    from sorm_mediator.switch.shell.session import commands

    parser = ShellParser(commands(), lambda _name, _path: ())

    def read(octets: bytes) -> None:
        if words := split(_text(octets)):  # a session takes no notice of an empty line
            parser.understand(words)

    return read, (ChangeRefused,)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where files are written that are read, for as long as the process lives."""
    return tempfile.TemporaryDirectory(prefix="sorm-fuzz-")


def clean_up() -> None:
    """Remove the files that this process has written."""
    if _folder.cache_info().currsize:
        _folder().cleanup()
        _folder.cache_clear()


def _file(octets: bytes, name: str) -> Path:
    path = Path(_folder().name) / name
    path.write_bytes(octets)
    return path


def _labs() -> tuple[Read, Declared]:
    from sorm_mediator import config
    from sorm_mediator.config import ConfigError

    return lambda octets: config.load(_file(octets, "lab.toml")), (ConfigError,)


def _scenarios() -> tuple[Read, Declared]:
    from sorm_mediator.console.errors import ScriptError
    from sorm_mediator.replay import scenario

    return lambda octets: scenario.parse(_text(octets), Path("x.yaml")), (ScriptError,)


def _vendor_scripts() -> tuple[Read, Declared]:
    from sorm_mediator.console.errors import ScriptError
    from sorm_mediator.replay import vendor

    return lambda octets: vendor.parse(_text(octets), Path("x.json")), (ScriptError,)


def _dialect() -> tuple[Read, Declared]:
    from ssh_control.messages import DialectError, LineReader, decode_line, request_problem

    def read(octets: bytes) -> None:
        LineReader(1 << 16).feed(octets)
        message = decode_line(octets)
        params = message.get("params")
        request_problem(str(message.get("op")), params if isinstance(params, dict) else {})

    return read, (DialectError,)


def _reports() -> tuple[Read, Declared]:
    from radius.packet import ReportError, is_message, is_report, packet_to_message, packet_to_report
    from radius.wire import AccountingPacket, MalformedError

    def read(octets: bytes) -> None:
        packet = AccountingPacket.received(octets, b"secret")
        if is_report(packet):
            packet_to_report(packet)
        elif is_message(packet):
            packet_to_message(packet)

    return read, (MalformedError, ReportError)


def _hex() -> tuple[Read, Declared]:
    from sorm_mediator.capture.events import CaptureError
    from sorm_mediator.capture.hextext import parse_text

    return lambda octets: parse_text(_text(octets)), (CaptureError,)


def _captures() -> tuple[Read, Declared]:
    from sorm_mediator.capture.events import CaptureError
    from sorm_mediator.capture.reader import read_bytes
    from sorm_mediator.capture.units import decode_events

    return lambda octets: list(decode_events(read_bytes(octets))), (CaptureError,)


def _journals() -> tuple[Read, Declared]:
    from sorm_mediator.journal.book import Journal, JournalError, JournalReader, to_document

    def read(octets: bytes) -> None:
        with tempfile.TemporaryDirectory(dir=_folder().name) as folder:
            path = Path(folder) / "journal.db"
            path.write_bytes(octets)
            reader = JournalReader(path)
            with closing(reader):
                for walk in (reader.verify, lambda: list(map(to_document, reader.entries()))):
                    with suppress(JournalError):  # a box opens what can't be verified or exported, too
                        walk()
            journal = Journal(path, now=_NOW)
            journal.append(_NOW, "fuzz", {})
            journal.close()

    return read, ()  # a damaged file is moved aside, and the box runs on


def _states() -> tuple[Read, Declared]:
    from sorm_mediator.mediator.binding.store import TableStore

    def read(octets: bytes) -> None:
        with tempfile.TemporaryDirectory(dir=_folder().name) as folder:
            path = Path(folder) / "state.db"
            path.write_bytes(octets)
            store = TableStore(path, password="123456")  # nosec B106 # noqa: S106 - the order's own
            store.load(now=_NOW)
            store.close()

    return read, ()  # a damaged file is moved aside, and the gateway runs on


# --- what they read where all is well


def _shipped(*patterns: str, most: int = 12, octets: int = 1 << 14) -> list[bytes]:
    found = sorted(
        path for folder in captures.__path__ for pattern in patterns for path in Path(folder).glob(pattern)
    )
    return [path.read_bytes()[:octets] for path in found[:: max(1, len(found) // most)]]


def _datagrams() -> list[bytes]:
    from radius.packet import report_to_packet
    from radius.report import CallReport, Match, Party

    begun = CallReport(
        call_id="c-17", domain="test.domain", sequence=1, time=_NOW + 0.25, connection=0x1C,
        calling=Party(digits="28331", ni="private"),
        called=Party(digits="89001758964", ni="intercity", trunk=3), setup_time=_NOW,
        matches=(Match(object_number=258, role="a", called=Party(digits="89001758964"), time=_NOW),),
    )  # fmt: skip
    ended = replace(begun, sequence=2, answer_time=_NOW + 1, release_time=_NOW + 2, release_cause=16)
    return [bytes(report_to_packet(report, secret=b"secret").raw_packet) for report in (begun, ended)]


def _journal_files() -> list[bytes]:
    from sorm_mediator.journal.book import Journal

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        journal = Journal(path, now=_NOW)
        for number in range(20):
            journal.append(_NOW + number, "command", {"name": "start", "number": number})
        journal.close()
        return [path.read_bytes(), *(_retyped(path, column, value) for column, value in _RETYPED)]


_RETYPED: tuple[tuple[str, object], ...] = (
    ("seq", None), ("seq", "x"), ("seq", -1), ("seq", 1e999), ("seq", 2**63 - 1),
    ("body", None), ("body", b"\xff"), ("body", "[" * 5000), ("body", '{"time": 1e999}'), ("hash", 7),
)  # fmt: skip


def _retyped(path: Path, column: str, value: object) -> bytes:
    """The journal with its table made anew without types, and another value in one of its rows."""
    other = path.with_name("retyped.db")
    other.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(other)) as database:
        [name] = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
        database.execute(f"CREATE TABLE made ({', '.join(columns)})")
        database.execute(f"INSERT INTO made SELECT * FROM {name}")  # nosec B608 # noqa: S608 - names of our own
        database.execute(f"UPDATE made SET {column} = ? WHERE rowid = 5", (value,))  # nosec B608 # noqa: S608 - the same
        database.execute(f"DROP TABLE {name}")
        database.execute(f"ALTER TABLE made RENAME TO {name}")
        database.commit()
    return other.read_bytes()


def _state_files() -> list[bytes]:
    from sorm_mediator.mediator.binding.store import TableStore
    from sorm_mediator.mediator.core.tables import ControlledObject, ObjectPut

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        store = TableStore(path, password="123456")  # nosec B106 # noqa: S106 - the order's own
        store.load(now=_NOW)
        for number in range(200):
            row = {"object_number": number, "object_type": "own-subscriber", "number_sign": "own",
                   "number": f"2{number:04}", "trunk": None, "category": "combined", "ksl_group": 1,
                   "priority": "normal"}  # fmt: skip
            store.apply(ObjectPut(ControlledObject.from_plain(row)))
        store.close()
        return [path.read_bytes()]


_DIALECT = (
    b'{"id": 1, "op": "hello", "params": {"version": 1, "radius": "127.0.0.1:1813", "secret": "x"}}',
    b'{"id": 2, "op": "sync", "params": {"objects": {"258": {"number": "28331", "type": "own-subscriber"}}}}',
    b'{"id": 3, "op": "trunks", "params": {}}',
)
_SHELL = (
    b"domain/list",
    b"domain/test.domain/subscriber/list --limit 10",
    b"sorm/set ssh_port 2222",
    b"/domain/test.domain/routing/import ctx 'a b' | include x",
)
_MASKS = (b"7(0-9)%", b"8383(3-5){10}", b"{1-3}90{4}", b"1xx.|[2-9]11|0T", b"283{31-39}", b"(1,3-5)%,7x")
_HEX = (
    b"CC 01 0E 01 31 32 33 34 35 36 07",
    b"0000  cc 01 0e 01 31 32 33 34 35 36 07  |...123456.|\n",
    b"0xCC, 0x01, 0x0E, 0x01",
)

PARSERS: Mapping[str, Parser] = {
    "contexts": Parser(
        Phrase("routing contexts"), _contexts, lambda: _shipped("labs/routing/*.xml", "labs/multisorm/*/*.xml"),
        (b"<", b"</", b"/>", b">", b"<b", b"><b", b'="', b"<context ", b"<!--", b"<![CDATA[", b"{1}", b'digits="'),
    ),
    "masks": Parser(
        Phrase("masks, templates, digit maps, ranges"), _masks, lambda: _MASKS,
        (b"(", b")", b"{", b"}", b"[", b"]", b"|", b"x.", b"%", b"-", b",", b"{1}", b"{0-9}"),
    ),
    "shell": Parser(
        Phrase("lines of the shell"), _shell, lambda: _SHELL,
        (b'"', b"'", b"\\", b"/", b" ", b". ", b"|", b"--", b"sorm/set ssh_port "),
    ),
    "labs": Parser(
        Phrase("lab files"), _labs, lambda: _shipped("labs/*.toml", "labs/multisorm/*.toml"),
        (b"[", b"]", b"[[", b"{", b"}", b"=", b'"', b"'''", b"\n", b"port = ", b"a.", b"\\u0000"), one_line=True,
        has_keys=True,
    ),
    "scenarios": Parser(
        Phrase("scenarios"), _scenarios, lambda: _shipped("scenarios/*.yaml"),
        (b"- ", b": ", b"{", b"[", b"]", b"}", b"&a ", b"*a", b"!!bool ", b"? ", b"|", b"\n", b"within: ",
         b"0x", b"${"),
        one_line=True, has_keys=True,
    ),
    "vendor-scripts": Parser(
        Phrase("scripts of the vendor's tester"), _vendor_scripts, lambda: _shipped("scenarios/vendor/*"),
        (b"[", b"]", b"{", b"}", b'"', b'"//",\n', b",", b":", b"-n ", b"\\u0000"), one_line=True,
    ),
    "dialect": Parser(
        Phrase("lines between mediator and switch"), _dialect, lambda: _DIALECT,
        (b"[", b"]", b"{", b"}", b'"', b":", b",", b"\\ud800", b'"params": '),
    ),
    "reports": Parser(Phrase("RADIUS packets"), _reports, _datagrams, (b"\x1a", b"\x50", b"\xff", b"\x00")),
    "hex": Parser(
        Phrase("octets written as text"), _hex, lambda: _HEX,
        (b" ", b"\n", b"CC", b"0x", b"\\x", b"*\n", b"0000  ", b"|", b"{", b"h"),
    ),
    "captures": Parser(
        Phrase("captures"), _captures, lambda: _shipped("runs/*.pcapng", octets=3000),
        (b"\x0a\x0d\x0d\x0a", b"\xff\xff\xff\x7f")
    ),
    "journals": Parser(Phrase("journals"), _journals, _journal_files, of_pages=True),
    "states": Parser(Phrase("tables that a gateway has kept"), _states, _state_files, of_pages=True),
}  # fmt: skip
"""By name."""

_OF_ALL = (
    b"9" * 5000, b"0x" + b"F" * 9000, b"1e999", b"-1", b"NaN", b"\0", b"\x1b[2J", b"\n", b"\r", b"\xff", b"\xc2\xb2",
    b"\xe2\x80\xae", b"\xef\xbb\xbf", b"a", b"x" * 64, b"..", b"9223372036854775808",
)  # fmt: skip
"""Pieces that any parser may be given."""


@dataclass(slots=True)
class _Loaded:
    read: Read
    declared: Declared
    seeds: list[bytes] = field(default_factory=list)
    learned: list[bytes] = field(default_factory=list)


class ParserTarget:
    """The target. ``only``: the names of the parsers that are tried; all by default."""

    name = NAME

    def __init__(self, seed: int = 0, only: Sequence[str] = ()) -> None:
        self._names = tuple(only) or tuple(PARSERS)
        self.titles: Mapping[str, Phrase] = {name: PARSERS[name].title for name in self._names}
        self.counts = dict.fromkeys(self._names, 0)
        self.at = ""
        self._seed = seed
        self._loaded: dict[str, _Loaded] = {}

    def block(self, number: int, random: Random) -> Iterator[Input]:
        """The inputs of one block."""
        name = self._names[number % len(self._names)]
        parser, loaded = PARSERS[name], self._load(name)
        pieces = (*parser.tokens, *_OF_ALL)
        if number < len(self._names):
            yield from (Input(name, seed) for seed in loaded.seeds)
        for _ in range(BLOCK):
            pool = loaded.learned if loaded.learned and random.random() < 0.3 else loaded.seeds
            one = random.choice(pool)
            of_pages = parser.of_pages and random.random() < 0.9
            if of_pages:
                yield Input(name, _damaged(one, random))
            elif parser.has_keys and random.random() < 0.3:
                yield Input(name, _other_key(one, random))
            else:
                yield Input(name, _changed(one, pool, pieces, random))
        for _ in range(_PATTERNS):
            yield _pattern(name, loaded.seeds, parser.tokens + _OF_ALL[-4:-3], random)

    def learn(self, one: Input) -> None:
        """Make inputs of this one too."""
        if one.kind in self._names and one.octets and not one.context:
            learned = self._load(one.kind).learned
            if len(learned) < _MOST_LEARNED:
                learned.append(one.octets)

    def _load(self, name: str) -> _Loaded:
        loaded = self._loaded.get(name)
        if loaded is None:
            read, declared = PARSERS[name].load()
            loaded = self._loaded[name] = _Loaded(read, declared, list(PARSERS[name].seeds()))
        return loaded

    def check(self, one: Input, *, afresh: bool = False) -> Set[Hashable]:
        """Nothing but declared errors, and time in proportion to the octets."""
        self.at = one.kind
        self.counts[one.kind] += 1
        loaded = self._load(one.kind)
        began = time.thread_time()
        feature: Hashable
        try:
            loaded.read(one.octets)
            feature = "read"
        except loaded.declared as error:
            text = str(error)
            if PARSERS[one.kind].one_line and not all(map(str.isprintable, text.split("\n"))):
                raise Violation(
                    Kind.UNESCAPED, f"{type(error).__name__} text", f"an error says {text!r}"
                ) from None
            feature = type(error).__name__, _skeleton(text)
        if time.thread_time() - began > _SLOW and one.context.startswith(_REPEATED):
            self._grows(one, loaded)
        return {(one.kind, feature)}

    def _grows(self, one: Input, loaded: _Loaded) -> None:
        begin, size = map(int, one.context.removeprefix(_REPEATED).split(","))
        piece = one.octets[begin : begin + size]
        count = 0
        while piece and one.octets.startswith(piece, begin + count * size):
            count += 1
        if count < TIMES * TIMES:
            return  # made smaller
        head, tail = one.octets[:begin], one.octets[begin + count * size :]

        def read(octets: bytes) -> None:
            try:
                loaded.read(octets)
            except loaded.declared:
                return

        grown = min(growth(lambda times: head + piece * times + tail, read, count // TIMES) for _ in range(2))
        if grown > MOST:
            raise Violation(
                Kind.SUPERLINEAR,
                "time",
                f"{piece[:40]!r} four times as often takes {grown:.1f} times as long",
            )

    def done(self) -> int:
        """How many texts were read."""
        return sum(self.counts.values())

    def steps(self, one: Input) -> tuple[Step, ...]:
        """One step, of the parser."""
        return (Step(one.kind, one.octets),)

    def options(self, one: Input) -> Mapping[str, object]:
        """Which parser it is."""
        return {"channel": one.kind, "context": one.context}

    def wanted(self, file: str) -> bool:
        """Nothing is traced: the errors tell well enough what is new, and some parsers are large libraries."""
        return False


def _changed(octets: bytes, pool: Sequence[bytes], pieces: Sequence[bytes], random: Random) -> bytes:
    text = bytearray(octets)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(text) + 1)
        end = min(len(text), at + random.choice((1, 1, 2, 4, 16, 64, 256)))
        change = random.randrange(9)
        if change == 0:
            del text[at:end]
        elif change == 1:
            text[at:at] = text[at:end]
        elif change == 2:
            text[at:at] = random.choice(pieces)
        elif change == 3:
            text[at:end] = random.choice(pieces)
        elif change == 4:
            text[at:at] = random.choice(pieces)[:8] * random.choice((2, 50, 3000))
        elif change == 5 and text:
            text[min(at, len(text) - 1)] = random.randrange(0x100)
        elif change == 6:
            other = random.choice(pool)
            text[at:] = other[random.randrange(len(other) + 1) :]
        elif change == 7:
            _number(text, at, random)
        else:
            del text[at:]
    return bytes(text)


_KEY = re.compile(rb"\"?\b([A-Za-z_][\w-]*)\b\"?(?=\s*[=:](?![=:]))")
"""A name before its value, as TOML, YAML and JSON have it."""


def _other_key(octets: bytes, random: Random) -> bytes:
    """The name of a value misspelt, or that of another one; or the value left out. All else stays as it is."""
    keys = [found.span(1) for found in _KEY.finditer(octets)]
    if not keys:
        return octets
    begin, end = random.choice(keys)
    key, at = octets[begin:end], random.randrange(end - begin)
    match random.randrange(5):
        case 0:
            other = key[:at] + key[at + 1 :]
        case 1:
            other = key[:at] + key[at + 1 : at + 2] + key[at : at + 1] + key[at + 2 :]
        case 2:
            other = key + b"s"
        case 3:
            other = octets[slice(*random.choice(keys))]
        case _:
            rest = re.match(rb"[\w-]*\"?\s*[=:][^,\n}\]]*,?", octets[begin:])
            return octets[:begin] + octets[begin + (rest.end() if rest else 0) :]
    return octets[:begin] + other + octets[end:]


def _damaged(octets: bytes, random: Random) -> bytes:
    """Octets changed where they are: single ones, in one region or all over, whole stretches zeroed or copied."""
    text = bytearray(octets)
    begin = random.randrange(len(text))
    region = min(len(text) - begin, random.choice((100, 4096, len(text))))
    for _ in range(random.choice((1, 4, 30, 300))):
        text[begin + random.randrange(region)] = random.randrange(0x100)
    if random.random() < 0.3:
        size = min(random.choice((16, 512, 4096)), len(text))
        to, source = random.randrange(len(text) - size + 1), random.randrange(len(text) - size + 1)
        text[to : to + size] = bytes(size) if random.random() < 0.5 else octets[source : source + size]
    return bytes(text)


def _number(text: bytearray, at: int, random: Random) -> None:
    """Another number in place of the next one."""
    digits = b"0123456789"
    begin = next((place for place in range(at, len(text)) if text[place] in digits), len(text))
    end = next((place for place in range(begin, len(text)) if text[place] not in digits), len(text))
    text[begin:end] = random.choice(
        (b"0", b"-1", b"255", b"256", b"65536", b"9223372036854775808", b"9" * 5000, b"1e999", b"\xc2\xb2")
    )


def _pattern(name: str, seeds: Sequence[bytes], pieces: Sequence[bytes], random: Random) -> Input:
    """A piece many times, with something before and behind it."""

    def either(most: int) -> bytes:
        if random.random() < 0.6:
            return random.choice((b"", *pieces))
        seed = random.choice(seeds)
        at = random.randrange(len(seed) + 1)
        return seed[at : at + most]

    head = random.choice((either(64), random.choice(seeds)[:400]))
    piece = (random.choice(pieces) if random.random() < 0.7 else either(12)) or b"a"
    tail = either(32)
    return Input(name, head + piece * (_LONG // len(piece)) + tail, f"{_REPEATED}{len(head)},{len(piece)}")


def _skeleton(text: str) -> str:
    """An error's text without what differs from input to input."""
    words = [word for word in text.split()[:12] if word.isalpha()]
    return " ".join(words)
