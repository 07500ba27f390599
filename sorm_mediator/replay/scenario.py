"""Scenarios in YAML: a dialogue between consoles and the mediator, read into frozen steps.

docs/scenarios.md describes the keys. A mistake in a file is a :class:`ScriptError`, which names file:line,
key, value and what is allowed. Values with variables are checked when their step runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from e1.g704.timeslots import KSL_PER_STREAM
from e1.voice.tones import GRID
from protocol.codes import STREAMS
from protocol.wire import MASK
from sorm_mediator.console.client import SHOWN
from sorm_mediator.console.comparing import KslName
from sorm_mediator.console.errors import ScriptError, words
from sorm_mediator.console.target import LINKS, Link
from sorm_mediator.language import Phrase, join
from sorm_mediator.replay import document, vocabulary
from sorm_mediator.replay.document import Node, check, is_template, resolve
from sorm_mediator.replay.vocabulary import REQUESTS, RESTART, SAVED, Checker, Request

WITHIN = 5.0
"""Default seconds for the expected messages of a step."""
MAIN = "main"
"""The default console of a step."""
MOST_STEPS = 100_000
"""Steps of a scenario, with all times of a repetition (our choice)."""
CHANNELS = ("kpd1", "kpd2")
SILENCE = "silence"
INCLUDE = "include"
"""The key of a step that stands for the steps of another file."""
PART = ("name", "description", "steps")
"""The keys of a file that is included."""
NOT_OF_A_PART = ("lab", "link", "config", "header", "variables", "within", "finally")
"""The keys of a scenario that a file that is included may not have."""

Verb = Literal["connect", "disconnect", "closed", "forget"]
Outcome = Literal["ok", "any"]
"""How a command must end: executed, or in any way."""
OUTCOMES: tuple[Outcome, ...] = ("ok", "any")
VERBS: Mapping[Verb, Phrase] = {
    "connect": Phrase("connect"),
    "disconnect": Phrase("disconnect"),
    "closed": Phrase("closed:"),
    "forget": Phrase("forget"),
}
"""Actions of a step on channels, and their titles."""
ACTIONS = (
    *("send", "raw", "call", "http"),
    *("connect", "disconnect", "closed", "restart", "forget", "repeat"),
    *(name for name in REQUESTS if name not in ("call", "http", RESTART)),
)
LISTENING = ("expect", "events", "hears", "silence")
MODIFIERS = (
    *("title", "console", "expect", "events", "hears"),
    *("within", "order_free", "silence", "save", "split"),
)
SETTINGS: Mapping[str, Callable[[Node], Any]] = {
    "title": Node.text,
    "console": Node.text,
    "within": Node.seconds,
    "order_free": Node.flag,
    "split": lambda node: node.integer(1, 65535),
}
"""Modifiers with plain values."""


@dataclass(frozen=True, slots=True)
class Send:
    """A command by name, with its fields (header fields may be among them)."""

    entry: vocabulary.Entry
    fields: Node
    expected: ClassVar[bool] = False
    """Whether the fields are only compared."""

    def resolve(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The values of the fields with every variable filled in. Raises :class:`ScriptError`."""
        return read_fields(resolve(self.fields, variables), self.entry, variables, expected=self.expected)


@dataclass(frozen=True, slots=True)
class Expectation(Send):
    """One message that must come."""

    on_kpd2: bool
    save: dict[str, str]
    line: int
    expected = True


@dataclass(frozen=True, slots=True)
class SendRaw:
    """Octets as they are."""

    data: Node

    def resolve(self, variables: dict[str, Any]) -> bytes:
        """The octets. Raises :class:`ScriptError`."""
        return read_bytes(resolve(self.data, variables))


@dataclass(frozen=True, slots=True)
class Ask:
    """One of :data:`REQUESTS`: a call at the switch, or another request to the HTTP API."""

    name: str
    keys: Node

    @property
    def request(self) -> Request:
        """The kind of request."""
        return REQUESTS[self.name]

    def resolve(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The keys with every variable filled in. Raises :class:`ScriptError`."""
        keys: dict[str, Any] = resolve(self.keys, variables).plain()
        return keys


@dataclass(frozen=True, slots=True)
class OnChannels:
    """Open or close channels, wait until the mediator closes them, or drop their unread messages."""

    verb: Verb
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restart:
    """Stop the mediator's program and start it again. ``after_restart`` of its lab file sets what is kept."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Steps run several times, with a variable that counts from 1."""

    times: int
    counter: str
    steps: tuple[Step, ...]
    rows: tuple[Mapping[str, Any], ...] = ()
    """The variables of each time; empty without a table."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Only wait for the expected messages."""


Action = Send | SendRaw | Ask | OnChannels | Restart | Repeat | Listen


@dataclass(frozen=True, slots=True)
class Hears:
    """The tones expected at the same time."""

    node: Node

    def resolve(self, variables: dict[str, Any]) -> dict[KslName, frozenset[int]] | None:
        """The tones (Hz) of each KSL; None: silence on every one. Raises :class:`ScriptError`."""
        node = resolve(self.node, variables)
        if node.value == SILENCE:
            return None
        keys = [item.keys(_HEARD, {}) for item in _heard_items(node)]
        return {_ksl(each["ksl"]): _tones(each["tones"]) for each in keys}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the dialogue."""

    action: Action
    node: Node
    title: str = ""
    console: str = MAIN
    expect: tuple[Expectation, ...] | None = None
    """The messages of KPD1; None without a list."""
    outcome: Outcome | None = None
    """The end of the commands of the step; None: not checked, or checked by ``expect``."""
    events: tuple[Expectation, ...] | None = None
    within: float | None = None
    order_free: bool = False
    silence: float | None = None
    silent: tuple[str, ...] = ()
    save: dict[str, str] = field(default_factory=dict)
    split: int = 0
    hears: Hears | None = None

    def title_of(self, variables: dict[str, Any]) -> str:
        """A short description of the step. A title from the scenario is in the language of its author.

        ``variables`` are filled in as far as they are known: a step may save one that its title has.
        """
        if self.title:
            return document.filled(self.title, variables)
        parts = [self.action_title(variables)]
        for verb, expectations in ((_EXPECT, self.expect), (_EVENTS, self.events)):
            if expectations:
                parts.append(join(" ", [verb, ", ".join(one.entry.name for one in expectations)]))
        if self.hears is not None:
            parts.append(_HEAR_SILENCE if self.hears.node.value == SILENCE else _HEAR_TONES)
        if self.silence is not None:
            parts.append(Phrase("silence for {seconds:g} s", seconds=self.silence))
        text = join(", ", [part for part in parts if part])
        return text if self.console == MAIN else join(": ", [self.console, text])

    def action_title(self, variables: dict[str, Any]) -> str:
        """What the step does, without what it waits for; "" when it only waits."""
        match self.action:
            case Send(entry):
                return join(" ", [_SEND, entry.name])
            case SendRaw():
                return Phrase("send octets")
            case Ask("http", keys):
                method = keys.value["method"].value if "method" in keys.value else "GET"
                return document.filled(f"{method} {keys.value['path'].value}", variables)
            case Ask() as ask:
                return ask.request.title_of(ask.keys, variables)
            case Restart():
                return Phrase("restart the gateway")
            case OnChannels(verb, channels):
                return join(" ", [VERBS[verb], join(", ", [SHOWN[channel] for channel in channels])])
        return ""


_SEND = Phrase("send")
_EXPECT = Phrase("expect")
_EVENTS = Phrase("events")
_HEAR_SILENCE = Phrase("hear silence")
_HEAR_TONES = Phrase("hear tones")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario."""

    name: str
    path: Path
    steps: tuple[Step, ...]
    finally_: tuple[Step, ...] = ()
    """Steps that run after the others, passed or failed."""
    description: str = ""
    lab: Path | None = None
    link: Link | None = None
    """The only possible link; None: any link with everything that the steps need."""
    config: Node | None = None
    header: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    within: float = WITHIN

    @property
    def filled_header(self) -> dict[str, Any]:
        """The header with every variable filled in. Raises :class:`ScriptError`."""
        place = Node(self.header, str(self.path), 1, "header")
        nodes = {key: replace(place, value=value, path=f"header.{key}") for key, value in self.header.items()}
        return read_fields(
            resolve(replace(place, value=nodes), self.variables),
            vocabulary.COMMANDS["start"],
            (),
            expected=False,
        )

    @property
    def links(self) -> tuple[Link, ...]:
        """The possible links: speech is on E1 only, and the scenario may name its link."""
        if self.link is not None:
            return (self.link,)
        hears = any(step.hears is not None for step in self.all_steps())
        return ("x25", "tcp+e1") if hears else LINKS

    @property
    def planned(self) -> int:
        """How many steps run when none fails."""
        return _count((*self.steps, *self.finally_))

    def all_steps(self) -> Iterator[Step]:
        """All steps, with the steps of a repetition in its place."""
        return _flat((*self.steps, *self.finally_))

    @property
    def secrets(self) -> frozenset[str]:
        """The variables that are passwords, or hold them: people never see their values.

        They end in a field whose form is secret, or in octets.
        """
        header = vocabulary.COMMANDS["start"].fields
        place = Node(self.header, str(self.path), 1)
        used = [replace(place, value=value) for name, value in self.header.items() if header[name].secret]
        for step in self.all_steps():
            match step.action:
                case Send(entry, fields) if isinstance(fields.value, dict):
                    used += [one for name, one in fields.value.items() if entry.fields[name].secret]
                case SendRaw(data):
                    used.append(data)
        return frozenset().union(*map(document.names_in, used))

    @property
    def shown_variables(self) -> dict[str, Any]:
        """The variables for people, without what is secret."""
        return {**self.variables, **dict.fromkeys(self.secrets & self.variables.keys(), MASK)}

    @property
    def expects_nothing(self) -> bool:
        """Whether no step can fail for what the mediator does: octets are sent, and nothing is checked."""
        return not any(
            step.outcome is not None
            or step.expect
            or step.events
            or step.silence is not None
            or step.hears is not None
            or isinstance(step.action, Ask | Restart)
            or (isinstance(step.action, OnChannels) and step.action.verb == "closed")
            for step in self.all_steps()
        )

    def check_values(self) -> None:
        """Check what the variables put into the steps, as far as it is known before the run.

        Raises :class:`ScriptError`, with a line for each value that is not allowed.
        """
        changed: set[str] = set()
        for step in self.all_steps():
            changed |= set(_saved(step.node))
        for repeat in _repeats((*self.steps, *self.finally_)):
            changed |= {repeat.counter, *(name for row in repeat.rows for name in row)}
        fixed = {name: value for name, value in self.variables.items() if name not in changed}
        known = {*self.variables, *changed}
        mistakes: list[str] = []
        with _noted(mistakes):
            if not self._header_names & changed:
                _ = self.filled_header
        for step in self.all_steps():
            sent = [step.action] if isinstance(step.action, Send) else []
            for one in (*sent, *(step.expect or ()), *(step.events or ())):
                with _noted(mistakes):
                    if document.names_in(one.fields) & fixed.keys():
                        read_fields(
                            document.resolve_known(one.fields, fixed), one.entry, known, expected=one.expected
                        )
            if isinstance(step.action, Ask) and document.names_in(step.action.keys) & fixed.keys():
                request = step.action.request
                with _noted(mistakes):
                    document.resolve_known(step.action.keys, fixed).keys(
                        request.required, request.optional, known
                    )
        if mistakes:
            raise ScriptError(join("\n", dict.fromkeys(mistakes)))

    @property
    def _header_names(self) -> frozenset[str]:
        place = Node(self.header, str(self.path), 1)
        return frozenset().union(
            *(document.names_in(replace(place, value=one)) for one in self.header.values())
        )

    def check(self, *, calls: bool, web: bool, restart: bool, e1: bool = False) -> None:
        """Raises :class:`ScriptError` for the first step that needs something unavailable.

        Available are: ``calls``: calls; ``web``: the HTTP API; ``restart``: a mediator of this run; ``e1``:
        lines with speech.
        """
        for step in self.all_steps():
            match step.action:
                case Ask("call") if not calls:
                    step.node.fail(
                        "call: needs a switch: give --web URL, or lab: in the scenario and no --host"
                    )
                case Ask(_, keys) if not web and step.action.name != "call":
                    keys.fail("needs the web of a lab: give --web URL, or lab: in the scenario and no --host")
                case Restart() if not restart:
                    step.node.fail(
                        "restart: needs a lab of this run: give lab: in the scenario, and no --host"
                    )
            if step.hears is not None and not e1:
                step.hears.node.fail("speech is heard over E1 only: give --link x25 or tcp+e1")


def _flat(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        if isinstance(step.action, Repeat):
            yield from _flat(step.action.steps)
        else:
            yield step


def _repeats(steps: Iterable[Step]) -> Iterator[Repeat]:
    for step in steps:
        if isinstance(step.action, Repeat):
            yield step.action
            yield from _repeats(step.action.steps)


def _count(steps: Iterable[Step]) -> int:
    return sum(
        step.action.times * _count(step.action.steps) if isinstance(step.action, Repeat) else 1
        for step in steps
    )


# --- reading


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises :class:`ScriptError`."""
    return _scenario(document.load(path), path)


def parse(text: str, path: Path = Path("scenario.yaml")) -> Scenario:
    """Read a scenario from ``text``.

    ``path``: its name in errors, and the start of the search for its lab.
    """
    return _scenario(document.parse(text, str(path)), path)


def _scenario(root: Node, path: Path) -> Scenario:
    optional: dict[str, Callable[[Node], Any]] = {
        "description": Node.text,
        "lab": lambda node: find_lab(node, path),
        "link": lambda node: cast(Link, node.choice(LINKS)),
        "config": _config,
        "header": lambda node: _header(node, keys["variables"].value if "variables" in keys else ()),
        "variables": _variables,
        "within": Node.seconds,
    }
    keys = root.mapping(("name", *optional, "steps", "finally"))
    for required in ("name", "steps"):
        if required not in keys:
            root.fail(f"{required} is missing")
    variables = keys["variables"].value if "variables" in keys else ()
    steps = StepReader(set(variables if isinstance(variables, dict) else ()))
    readers = {"name": Node.text, **optional, "steps": steps.read, "finally": steps.read}
    given: dict[str, Any] = {}
    mistakes: list[str] = []
    for name, reader in readers.items():
        if name in keys:
            with _noted(mistakes):
                given[name] = reader(keys[name])
    if mistakes:
        raise ScriptError(join("\n", mistakes))
    given["steps"], given["finally_"] = tuple(given["steps"]), tuple(given.pop("finally", ()))
    scenario = Scenario(path=path, **given)
    if scenario.planned > MOST_STEPS:
        keys["steps"].fail(
            f"{scenario.planned} steps with all their repetitions; allowed: at most {MOST_STEPS}"
        )
    return scenario


@contextmanager
def _noted(mistakes: list[str]) -> Iterator[None]:
    """Add a mistake that is found, so that the next one is found too."""
    try:
        yield
    except ScriptError as error:
        mistakes.append(words(error))


def _variables(node: Node) -> dict[str, Any]:
    for name, value in node.mapping().items():
        if not name.isidentifier():
            value.fail("is not a name of a variable; allowed: letters, digits and _")
        if not isinstance(value.value, str | int | float | bool | None):
            value.wrong(Phrase("a text, a number, true, false or null"))
    variables: dict[str, Any] = node.plain()
    return variables


def _config(node: Node) -> Node:
    for value in node.mapping().values():
        for table in value.value if isinstance(value.value, list) else (value,):
            table.mapping()
    return node


def _header(node: Node, known: Container[str]) -> dict[str, Any]:
    node.mapping(("orm_number", "password"))
    return read_fields(node, vocabulary.COMMANDS["start"], known, expected=False)


def find_lab(node: Node, scenario: Path) -> Path:
    """The lab file of a scenario: beside it, in a folder above it, here, or among the captures."""
    name = Path(node.text())
    beside = scenario.resolve().parent
    places = [beside, *beside.parents, Path.cwd()]
    if not name.is_absolute():
        import captures

        shipped = [Path(folder) for folder in captures.__path__]
        places += shipped
        places += [folder.parent for folder in shipped]  # captures/labs/...
        places += [folder / "scenarios" for folder in shipped]  # for a shipped one from stdin
    for place in places:
        if os.path.isfile(place / name):  # a name that is too long is none
            return place / name
    return node.fail(
        f"{str(name)!r} is not found; looked for beside {scenario.name}, above it, in {Path.cwd()} "
        "and among the captures, which sorm-mediator examples lists"
    )


def read_fields(node: Node, entry: vocabulary.Entry, known: Any, *, expected: bool) -> dict[str, Any]:
    """The values of a message's fields, checked against its declaration. Raises :class:`ScriptError`."""
    checker = Checker(known, expected)
    if node.value is None:
        return {}
    if not isinstance(node.value, dict):
        node.wrong(Phrase("a mapping of fields of {command}", command=entry.name))
    for key, value in node.value.items():
        if key not in entry.fields:
            known_fields = ", ".join(entry.fields)
            text = Phrase(
                "{command} has no such field; allowed: {fields}", command=entry.name, fields=known_fields
            )
            value.fail(document.with_guess(text, key, entry.fields))
    return {key: checker.read(value, entry.fields[key]) for key, value in node.value.items()}


def included(node: Node) -> Path:
    """The file that the text of an ``include`` names, as near as the file that it stands in."""
    return Path(os.path.normpath(Path(node.file).parent / node.text()))


def read_bytes(node: Node) -> bytes:
    """Octets in hexadecimal, with any spaces between them. Raises :class:`ScriptError`."""
    try:
        return bytes.fromhex(node.text())
    except ValueError:
        node.wrong(Phrase('bytes in hexadecimal, such as "CC 01 0B 03"'))


class StepReader:
    """Reads steps in the order of the run, so that a variable is known only after the step that saves it.

    ``known``: the variables that there are before.
    """

    def __init__(self, known: set[str]) -> None:
        self._known = known
        self._including: list[Path] = []

    def read(self, node: Node) -> list[Step]:
        """The steps of a list. Raises :class:`ScriptError`, with a line for each step that has a mistake."""
        if not node.items():
            node.wrong(Phrase("at least one step"))
        steps: list[Step] = []
        mistakes: list[str] = []
        for item in node.items():
            before = len(mistakes)
            with _noted(mistakes):
                if isinstance(item.value, dict) and INCLUDE in item.value:
                    steps += self._included(item.mapping((INCLUDE,))[INCLUDE])
                else:
                    steps.append(self._step(item))
            if len(mistakes) > before:
                self._known |= set(_saved(item))  # what needs them is no mistake too
        if mistakes:
            raise ScriptError(join("\n", mistakes))
        return steps

    def _included(self, node: Node) -> list[Step]:
        """The steps of another file, which is beside this one or below its folder."""
        path = included(node)
        whole = path.resolve()
        if whole in self._including:
            node.fail(f"{node.value} includes itself")
        if not path.is_file():
            node.fail(f"{path} is no file")
        root = document.load(path)
        if own := [key for key in NOT_OF_A_PART if key in root.mapping()]:
            node.fail(
                Phrase(
                    "{file} is a scenario ({keys}); a part has steps alone",
                    file=node.value,
                    keys=", ".join(own),
                )
            )
        keys = root.mapping(PART)
        if "steps" not in keys:
            root.fail("steps is missing: an included file has steps, and no lab or settings of its own")
        self._including.append(whole)
        try:
            return self.read(keys["steps"])
        finally:
            self._including.pop()

    def _step(self, node: Node) -> Step:
        keys = node.mapping((*ACTIONS, *MODIFIERS))
        given = [key for key in ACTIONS if key in keys]
        if len(given) > 1:
            keys[given[1]].fail(f"a step does one thing, and this one has {given[0]!r} already")
        if not given and not keys.keys() & set(LISTENING):
            node.fail(f"a step needs one of {', '.join((*ACTIONS, INCLUDE, *LISTENING))}")
        name = given[0] if given else ""
        self._check_modifiers(keys, name)
        more: dict[str, Any] = {"action": self._action(name, keys[name]) if given else Listen()}
        if "expect" in keys and not isinstance(keys["expect"].value, str):
            more["expect"] = self._expectations(keys["expect"], on_kpd2=False)
        elif "expect" in keys:
            more["outcome"] = _outcome(keys["expect"], name)
        elif name == "send":
            more["outcome"] = "ok"
        if "events" in keys:
            more["events"] = self._expectations(keys["events"], on_kpd2=True)
        if "save" in keys:
            more["save"] = self._save(keys["save"], (SAVED[name],))
        if "silence" in keys:
            only_events = name == "call" or (not given and "events" in keys and "expect" not in keys)
            more["silence"], more["silent"] = _silence(
                keys["silence"], ("kpd2",) if only_events else CHANNELS
            )
        if "hears" in keys:
            more["hears"] = _hears(keys["hears"], self._known)
        more |= {key: reader(keys[key]) for key, reader in SETTINGS.items() if key in keys}
        return Step(node=node, **more)

    def _check_modifiers(self, keys: dict[str, Node], action: str) -> None:
        belongs = {"save": tuple(SAVED), "split": ("send", "raw")}
        for key, actions in belongs.items():
            if key in keys and action not in actions:
                keys[key].fail(f"belongs to a step with {' or '.join(actions)}")
        if action == "repeat":
            for key in (*LISTENING, "within", "order_free", "console"):
                if key in keys:
                    keys[key].fail("doesn't belong to repeat; give it in its steps")

    def _action(self, name: str, node: Node) -> Action:
        if name == "send":
            entry, fields, _ = self._message(node, vocabulary.COMMANDS, "a command", expected=False)
            return Send(entry, fields)
        if name == "raw":
            if is_template(node.value):
                check(node, self._known)
            else:
                read_bytes(node)
            return SendRaw(node)
        if name == RESTART and not isinstance(node.value, dict):
            if node.value != "gateway":
                node.wrong(
                    Phrase(
                        "gateway, which ends the program, or {empty}, which restarts the node's software",
                        empty="{}",
                    )
                )
            return Restart()
        if name in REQUESTS:
            node.keys(REQUESTS[name].required, REQUESTS[name].optional, self._known)
            REQUESTS[name].check_body(node)
            return Ask(name, node)
        if name == "repeat":
            return self._repeat(node)
        return OnChannels(cast(Verb, name), _channels(node))

    def _repeat(self, node: Node) -> Repeat:
        counts: dict[str, Callable[[Node], object]] = {
            "times": lambda one: one.integer(1, 100_000),
            "rows": _rows,
        }
        keys = node.keys({"steps": Node.items}, {**counts, "as": Node.variable})
        given = [name for name in counts if name in keys]
        if len(given) != 1:
            node.fail("needs either times, a number, or rows, a list of variables")
        rows = _rows(keys["rows"]) if "rows" in keys else ()
        counter = keys["as"].text() if "as" in keys else "i"
        self._known |= {counter, *(name for row in rows for name in row)}
        return Repeat(len(rows) or keys["times"].value, counter, tuple(self.read(keys["steps"])), rows)

    def _expectations(self, node: Node, *, on_kpd2: bool) -> tuple[Expectation, ...]:
        entries, others = (
            (vocabulary.KPD2, vocabulary.KPD1) if on_kpd2 else (vocabulary.KPD1, vocabulary.KPD2)
        )
        kind = "an event of KPD2" if on_kpd2 else "a message of KPD1"
        result = []
        for item in node.items():
            name = _message_name(item)
            if name in others and name not in entries:
                item.fail(f"{name} comes on {'KPD1' if on_kpd2 else 'KPD2'}: "
                          f"expect it under {'expect' if on_kpd2 else 'events'}")  # fmt: skip
            entry, fields, save = self._message(item, entries, kind, expected=True)
            result.append(Expectation(entry, fields, on_kpd2, save, item.line))
        return tuple(result)

    def _message(
        self, node: Node, entries: Any, kind: str, *, expected: bool
    ) -> tuple[vocabulary.Entry, Node, dict[str, str]]:
        """Read ``name`` or ``{name: {field: value}}``; expectations may have ``save: {field: variable}``."""
        name = _message_name(node)
        if name not in entries:
            text = f"{name!r} is not a name of {kind}; allowed: {', '.join(entries)}"
            node.fail(document.with_guess(text, name, entries))
        entry: vocabulary.Entry = entries[name]
        if isinstance(node.value, str):
            return entry, replace(node, value={}), {}
        keys = node.mapping((name, "save") if expected else (name,))
        read_fields(keys[name], entry, self._known, expected=expected)
        save = self._save(keys["save"], tuple(entry.fields)) if "save" in keys else {}
        return entry, keys[name], save

    def _save(self, node: Node, allowed: tuple[str, ...]) -> dict[str, str]:
        saved = {key: value.variable() for key, value in node.mapping(allowed).items()}
        self._known |= set(saved.values())
        return saved


def _saved(node: Node) -> Iterator[str]:
    """The variables that a step with a mistake would have given."""
    children = node.value.items() if isinstance(node.value, dict) else ()
    for key, child in children:
        if key == "save" and isinstance(child.value, dict):
            yield from (str(value.value) for value in child.value.values())
        elif key == "rows" and isinstance(child.value, list):
            yield from (name for row in child.value if isinstance(row.value, dict) for name in row.value)
        elif key == "as":
            yield str(child.value)
        elif key == "repeat":
            yield "i"
        yield from _saved(child)
    for item in node.value if isinstance(node.value, list) else ():
        yield from _saved(item)


def _rows(node: Node) -> tuple[dict[str, Any], ...]:
    """The rows of a table: each gives the same variables."""
    rows = tuple(_variables(item) for item in node.items())
    if not rows:
        node.wrong(Phrase("at least one row"))
    for item, row in zip(node.items(), rows, strict=True):
        if row.keys() != rows[0].keys():
            item.fail(f"has other variables than the first row: {', '.join(rows[0])}")
    return rows


def _outcome(node: Node, action: str) -> Outcome:
    if node.value not in OUTCOMES:
        node.wrong(Phrase("ok, any, or a list of messages of KPD1"))
    if action not in ("send", "raw"):
        node.fail(f"{node.value} belongs to a step with send or raw")
    return cast(Outcome, node.value)


def _message_name(node: Node) -> str:
    if isinstance(node.value, str):
        return node.value
    names = [key for key in node.mapping() if key != "save"]
    if len(names) != 1:
        node.wrong(Phrase("the name of one message, or a mapping of that name to its fields"))
    return names[0]


def _channels(node: Node) -> tuple[str, ...]:
    names = [node] if isinstance(node.value, str) else node.items()
    if len(names) == 1 and names[0].value == "both":
        return CHANNELS
    for name in names:
        if name.value not in CHANNELS:
            name.wrong(Phrase("kpd1, kpd2, both, or a list of them"))
    return tuple(str(name.value) for name in names)


def _silence(node: Node, channels: tuple[str, ...]) -> tuple[float, tuple[str, ...]]:
    if not isinstance(node.value, dict):
        return node.seconds(), channels
    mapping = node.mapping(CHANNELS)
    if not mapping:
        node.wrong(Phrase("seconds, or a mapping of kpd1, kpd2 to seconds"))
    return max(value.seconds() for value in mapping.values()), tuple(mapping)


# --- hears: tones in Hz, the tones of subscribers, or silence


def _hears(node: Node, known: Container[str]) -> Hears:
    """Read ``hears``, with all checks that are possible before the run."""
    if node.value != SILENCE:
        for item in _heard_items(node):
            keys = item.keys(_HEARD, {})
            for reader, value in ((_ksl, keys["ksl"]), (_tones, keys["tones"])):
                templates = list(_templates(value))
                for template in templates:
                    check(template, known)
                if not templates:
                    reader(value)
    return Hears(node)


_HEARD: Mapping[str, Callable[[Node], object]] = dict.fromkeys(("ksl", "tones"), lambda _: None)
_HEARABLE = Phrase("silence, a mapping of ksl and tones, or a list of such mappings")


def _heard_items(node: Node) -> list[Node]:
    items = node.value if isinstance(node.value, list) else [node]
    for item in items:
        if not isinstance(item.value, dict):
            item.wrong(_HEARABLE)
    return items or node.wrong(_HEARABLE)


def _templates(node: Node) -> Iterator[Node]:
    if isinstance(node.value, dict | list):
        for child in node.value.values() if isinstance(node.value, dict) else node.value:
            yield from _templates(child)
    elif is_template(node.value):
        yield node


def _ksl(node: Node) -> KslName:
    value = node.value
    if isinstance(value, Mapping) and not all(isinstance(part, Node) for part in value.values()):
        # saved from a message: plain values
        node = replace(node, value={key: replace(node, value=part) for key, part in value.items()})
    keys = node.mapping(("stream", "ksl"))
    if len(keys) < 2:
        node.wrong(Phrase("a mapping of stream and ksl"))
    return keys["stream"].integer(STREAMS[0], STREAMS[-1]), keys["ksl"].integer(1, KSL_PER_STREAM)


def _tones(node: Node) -> frozenset[int]:
    if node.value == SILENCE:
        return frozenset()
    if not isinstance(node.value, list):
        node.wrong(
            Phrase("silence, or a list of frequencies (Hz) and of numbers of subscribers in quotation marks")
        )
    return frozenset(map(_tone, node.value))


def _tone(node: Node) -> int:
    if isinstance(node.value, str) and node.value.isascii() and node.value.isdigit():
        from sorm_mediator.switch.calls.speech import tones

        return tones(node.value, "")[0]
    if isinstance(node.value, bool) or node.value not in GRID:
        node.wrong(
            Phrase(
                "a multiple of 50 Hz from {low} to {high}, or a subscriber's number as a string",
                low=GRID[0],
                high=GRID[-1],
            )
        )
    return int(node.value)
