"""Scenarios in YAML: a dialogue between consoles and the mediator, read strictly into frozen steps.

The keys are described in docs/scenarios.md. Whatever is wrong with a file is one :class:`ScriptError`, which
names file:line, key, value and what is allowed. Values with variables are checked when their step runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sorm_mediator.console.target import LINKS, Link
from sorm_mediator.replay import document as nodes
from sorm_mediator.replay import hearing, vocabulary
from sorm_mediator.replay.demands import DEMANDS, RESTART, Demand
from sorm_mediator.replay.document import Node, check, is_template, resolve
from sorm_mediator.replay.fields import Checker, read
from sorm_mediator.replay.hearing import Hears

WITHIN = 5.0
"""Seconds that a step may take to get what it expects, unless the scenario or the step says otherwise."""
MAIN = "main"
"""The console that a step speaks for when it names none."""

KEYS = ("name", "description", "lab", "link", "config", "header", "variables", "within", "steps", "finally")
ACTIONS = (
    "send",
    "raw",
    "call",
    "http",
    "connect",
    "disconnect",
    "closed",
    "restart",
    "forget",
    "repeat",
    *(name for name in DEMANDS if name != RESTART),
)
MODIFIERS = (
    "title",
    "console",
    "expect",
    "events",
    "hears",
    "within",
    "order_free",
    "silence",
    "save",
    "split",
)
LISTENING = ("expect", "events", "hears", "silence")
CALL_KEYS = ("domain", "a", "b", "from", "outcome", "ring", "talk", "services")
HTTP_KEYS = ("method", "path", "body", "status", "reply")
CHANNELS = ("kpd1", "kpd2")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One message that must come."""

    entry: vocabulary.Entry
    on_kpd2: bool
    fields: Node
    save: dict[str, str]
    line: int

    def resolve(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The values of the fields with every variable filled in. Raises :class:`ScriptError`."""
        return read_fields(resolve(self.fields, variables), self.entry, variables, expected=True)


@dataclass(frozen=True, slots=True)
class Send:
    """A command by name, with the fields given (header fields may be among them)."""

    entry: vocabulary.Entry
    fields: Node

    def resolve(self, variables: dict[str, Any]) -> dict[str, Any]:
        """As :meth:`Expectation.resolve`."""
        return read_fields(resolve(self.fields, variables), self.entry, variables, expected=False)


@dataclass(frozen=True, slots=True)
class SendRaw:
    """Bytes as they are."""

    data: Node

    def resolve(self, variables: dict[str, Any]) -> bytes:
        """The bytes. Raises :class:`ScriptError`."""
        return read_bytes(resolve(self.data, variables))


@dataclass(frozen=True, slots=True)
class MakeCall:
    """A call made at the switch."""

    request: Node

    def resolve(self, variables: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Domain and request body. Raises :class:`ScriptError`."""
        request = resolve(self.request, variables).plain()
        return str(request.pop("domain")), request


@dataclass(frozen=True, slots=True)
class Http:
    """A request to the lab's HTTP API, repeated until the reply is as expected or the time is over."""

    request: Node

    def resolve(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The request's keys. Raises :class:`ScriptError`."""
        request: dict[str, Any] = resolve(self.request, variables).plain()
        return request


@dataclass(frozen=True, slots=True)
class Ask:
    """One of :data:`DEMANDS`: a request to the HTTP API that must be accepted."""

    name: str
    keys: Node

    @property
    def demand(self) -> Demand:
        """What kind of request."""
        return DEMANDS[self.name]

    def resolve(self, variables: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """Method, path and body. Raises :class:`ScriptError`."""
        return self.demand.request(self.keys, variables)


@dataclass(frozen=True, slots=True)
class Connect:
    """Open channels of the console."""

    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close channels of the console."""

    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """The mediator must close channels of the console."""

    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restart:
    """Stop the mediator's program and start it again; what it keeps is ``after_restart`` of its lab file."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop what has come and nobody has read."""

    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Steps run several times, a variable counting from 1."""

    times: int
    counter: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Listen:
    """Do nothing but wait for what is expected."""


Action = (
    Send
    | SendRaw
    | MakeCall
    | Http
    | Ask
    | Connect
    | Disconnect
    | Closed
    | Restart
    | Forget
    | Repeat
    | Listen
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the dialogue."""

    action: Action
    title: str
    node: Node
    console: str = MAIN
    expect: tuple[Expectation, ...] | None = None
    events: tuple[Expectation, ...] | None = None
    within: float | None = None
    order_free: bool = False
    silence: float | None = None
    silent: tuple[str, ...] = CHANNELS
    save: dict[str, str] = field(default_factory=dict)
    split: int = 0
    hears: Hears | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario."""

    name: str
    description: str
    path: Path
    lab: Path | None
    link: Link | None
    """The only link that it can run over; None: any that has what its steps need."""
    config: Node | None
    header: dict[str, Any]
    variables: dict[str, Any]
    within: float
    steps: tuple[Step, ...]
    finally_: tuple[Step, ...] = ()
    """Steps that run after the others, whether those passed or not."""


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises :class:`ScriptError`."""
    return _scenario(nodes.load(path), path)


def parse(text: str, path: Path = Path("scenario.yaml")) -> Scenario:
    """Read a scenario from ``text``; ``path`` is its name in errors and where its lab is looked for."""
    return _scenario(nodes.parse(text, str(path)), path)


def _scenario(root: Node, path: Path) -> Scenario:
    keys = root.mapping(KEYS)
    for required in ("name", "steps"):
        if required not in keys:
            root.fail(f"{required} is missing")
    variables = _variables(keys["variables"]) if "variables" in keys else {}
    within = keys["within"].seconds() if "within" in keys else WITHIN
    reader = _Steps(set(variables))
    return Scenario(
        name=keys["name"].text(),
        description=keys["description"].text() if "description" in keys else "",
        path=path,
        lab=find_lab(keys["lab"], path) if "lab" in keys else None,
        link=_link(keys["link"]) if "link" in keys else None,
        config=_config(keys["config"]) if "config" in keys else None,
        header=_header(keys["header"]) if "header" in keys else {},
        variables=variables,
        within=within,
        steps=tuple(reader.read(keys["steps"])),
        finally_=tuple(reader.read(keys["finally"])) if "finally" in keys else (),
    )


def _link(node: Node) -> Link:
    if node.value not in LINKS:
        node.wrong(", ".join(LINKS))
    return cast(Link, node.value)


def _variables(node: Node) -> dict[str, Any]:
    for name, value in node.mapping().items():
        if not name.isidentifier():
            value.fail("is no name of a variable; allowed: letters, digits and _")
        if not isinstance(value.value, str | int | float | bool | None):
            value.wrong("a text, a number, true, false or null")
    variables: dict[str, Any] = node.plain()
    return variables


def _config(node: Node) -> Node:
    for value in node.mapping().values():
        for table in value.value if isinstance(value.value, list) else (value,):
            table.mapping()
    return node


def _header(node: Node) -> dict[str, Any]:
    node.mapping(("orm_number", "password"))
    return read_fields(node, vocabulary.COMMANDS["start"], (), expected=False)


def find_lab(node: Node, scenario: Path) -> Path:
    """The lab file that a scenario names: beside it, in a folder above it, here, or among the captures."""
    name = Path(node.text())
    beside = scenario.resolve().parent
    places = [beside, *beside.parents, Path.cwd()]
    if not name.is_absolute():
        import captures

        places += [Path(folder) for folder in captures.__path__]
    for place in places:
        if (place / name).is_file():
            return place / name
    return node.fail(
        f"{str(name)!r} is not found; looked for beside the scenario, above it, in {Path.cwd()} "
        "and among the captures"
    )


def read_fields(node: Node, entry: vocabulary.Entry, known: Any, *, expected: bool) -> dict[str, Any]:
    """The values of a message's fields, checked against its declaration. Raises :class:`ScriptError`."""
    checker = Checker(known, expected)
    if node.value is None:
        return {}
    if not isinstance(node.value, dict):
        node.wrong(f"a mapping of fields of {entry.name}")
    for key, value in node.value.items():
        if key not in entry.fields:
            value.fail(f"{entry.name} has no such field; allowed: {', '.join(entry.fields)}")
    return {key: read(value, entry.fields[key], checker) for key, value in node.value.items()}


def read_bytes(node: Node) -> bytes:
    """Bytes in hexadecimal, spaces between them as one likes. Raises :class:`ScriptError`."""
    try:
        return bytes.fromhex(node.text())
    except ValueError:
        node.wrong('bytes in hexadecimal, such as "CC 01 0B 03"')


class _Steps:
    """Reads steps in the order they run, so that a variable is known only after it has been saved."""

    def __init__(self, known: set[str]) -> None:
        self._known = known

    def read(self, node: Node) -> list[Step]:
        if not node.items():
            node.wrong("at least one step")
        return [self._step(item) for item in node.items()]

    def _step(self, node: Node) -> Step:
        keys = node.mapping((*ACTIONS, *MODIFIERS))
        given = [key for key in ACTIONS if key in keys]
        if len(given) > 1:
            keys[given[1]].fail(f"a step does one thing, and this one has {given[0]!r} already")
        if not given and not keys.keys() & set(LISTENING):
            node.fail(f"a step needs one of {', '.join((*ACTIONS, *LISTENING))}")
        self._check_modifiers(keys, given[0] if given else "")
        action = self._action(given[0], keys) if given else Listen()
        expect = self._expectations(keys["expect"], on_kpd2=False) if "expect" in keys else None
        events = self._expectations(keys["events"], on_kpd2=True) if "events" in keys else None
        save = self._save(keys["save"], (_SAVED[given[0]],)) if "save" in keys else {}
        silence, silent = self._silence(
            keys, only_events=given == ["call"] or (not given and expect is None and events is not None)
        )
        return Step(
            action=action,
            title=keys["title"].text() if "title" in keys else "",
            node=node,
            console=keys["console"].text() if "console" in keys else MAIN,
            expect=expect,
            events=events,
            within=keys["within"].seconds() if "within" in keys else None,
            order_free=keys["order_free"].flag() if "order_free" in keys else False,
            silence=silence,
            silent=silent,
            save=save,
            split=keys["split"].integer(1, 65535) if "split" in keys else 0,
            hears=hearing.read(keys["hears"], self._known) if "hears" in keys else None,
        )

    def _check_modifiers(self, keys: dict[str, Node], action: str) -> None:
        belongs = {"save": tuple(_SAVED), "split": ("send", "raw")}
        for key, actions in belongs.items():
            if key in keys and action not in actions:
                keys[key].fail(f"belongs to a step with {' or '.join(actions)}")
        if action == "repeat":
            for key in (*LISTENING, "within", "order_free", "console"):
                if key in keys:
                    keys[key].fail("doesn't belong to repeat; give it in its steps")

    def _action(self, name: str, keys: dict[str, Node]) -> Action:
        node = keys[name]
        if name == "send":
            entry, fields, _ = self._message(node, vocabulary.COMMANDS, "a command", expected=False)
            return Send(entry, fields)
        if name == "raw":
            if is_template(node.value):
                check(node, self._known)
            else:
                read_bytes(node)
            return SendRaw(node)
        if name == "call":
            return self._call(node)
        if name == "http":
            return self._http(node)
        if name == RESTART and not isinstance(node.value, dict):
            if node.value != "gateway":
                node.wrong("gateway, which ends the program, or {}, which restarts the node's software")
            return Restart()
        if name in DEMANDS:
            DEMANDS[name].read(node, self._known)
            return Ask(name, node)
        if name == "repeat":
            return self._repeat(node)
        channels = _channels(node)
        actions: dict[str, type[Connect | Disconnect | Closed | Forget]] = {
            "connect": Connect,
            "disconnect": Disconnect,
            "closed": Closed,
            "forget": Forget,
        }
        return actions[name](channels)

    def _call(self, node: Node) -> MakeCall:
        keys = node.mapping(CALL_KEYS)
        for required in ("domain", "a", "b"):
            if required not in keys:
                node.fail(f"{required} is missing")
        for key, value in keys.items():
            if is_template(value.value):
                check(value, self._known)
            elif key in ("ring", "talk"):
                value.seconds()
            elif key == "outcome" and value.value not in OUTCOMES:
                value.wrong(", ".join(OUTCOMES))
            elif key == "services":
                self._services(value)
            else:
                value.text()
        return MakeCall(node)

    def _services(self, node: Node) -> None:
        for item in node.items():
            item.mapping()

    def _http(self, node: Node) -> Http:
        keys = node.mapping(HTTP_KEYS)
        if "path" not in keys:
            node.fail("path is missing")
        keys["path"].text()
        if "method" in keys and keys["method"].value not in ("GET", "POST", "PUT", "DELETE"):
            keys["method"].wrong("GET, POST, PUT, DELETE")
        if "status" in keys:
            keys["status"].integer(100, 599)
        return Http(node)

    def _repeat(self, node: Node) -> Repeat:
        keys = node.mapping(("times", "as", "steps"))
        for required in ("times", "steps"):
            if required not in keys:
                node.fail(f"{required} is missing")
        counter = keys["as"].text() if "as" in keys else "i"
        if not counter.isidentifier():
            keys["as"].wrong("the name of a variable")
        self._known.add(counter)
        return Repeat(keys["times"].integer(1, 100_000), counter, tuple(self.read(keys["steps"])))

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
            result.append(Expectation(entry, on_kpd2, fields, save, item.line))
        return tuple(result)

    def _message(
        self, node: Node, entries: Any, kind: str, *, expected: bool
    ) -> tuple[vocabulary.Entry, Node, dict[str, str]]:
        """``name`` or ``{name: {field: value}}``, for an expectation also ``save: {field: variable}``."""
        name = _message_name(node)
        if name not in entries:
            node.fail(f"{name!r} is no name of {kind}; allowed: {', '.join(entries)}")
        entry: vocabulary.Entry = entries[name]
        if isinstance(node.value, str):
            return entry, Node({}, node.file, node.line, node.path), {}
        keys = node.mapping((name, "save") if expected else (name,))
        read_fields(keys[name], entry, self._known, expected=expected)
        save = self._save(keys["save"], tuple(entry.fields)) if "save" in keys else {}
        return entry, keys[name], save

    def _save(self, node: Node, allowed: tuple[str, ...]) -> dict[str, str]:
        for value in node.mapping(allowed).values():
            if not value.text().isidentifier():
                value.wrong("the name of a variable: letters, digits and _")
            self._known.add(value.text())
        saved: dict[str, str] = node.plain()
        return saved

    def _silence(self, keys: dict[str, Node], *, only_events: bool) -> tuple[float | None, tuple[str, ...]]:
        if "silence" not in keys:
            return None, ()
        node = keys["silence"]
        if not isinstance(node.value, dict):
            return node.seconds(), ("kpd2",) if only_events else CHANNELS
        mapping = node.mapping(CHANNELS)
        if not mapping:
            node.wrong("seconds, or a mapping of kpd1, kpd2 to seconds")
        return max(value.seconds() for value in mapping.values()), tuple(mapping)


_SAVED = {"call": "call", **{name: one.saves for name, one in DEMANDS.items() if one.saves}}
"""Steps whose reply holds an id -> the key of that id, which ``save`` keeps."""
OUTCOMES = ("answer", "busy", "no-answer", "fail", "incomplete")


def _message_name(node: Node) -> str:
    if isinstance(node.value, str):
        return node.value
    names = [key for key in node.mapping() if key != "save"]
    if len(names) != 1:
        node.wrong("the name of one message, or a mapping of that name to its fields")
    return names[0]


def _channels(node: Node) -> tuple[str, ...]:
    names = [node] if isinstance(node.value, str) else node.items()
    if len(names) == 1 and names[0].value == "both":
        return CHANNELS
    for name in names:
        if name.value not in CHANNELS:
            name.wrong("kpd1, kpd2, both, or a list of them")
    return tuple(str(name.value) for name in names)
