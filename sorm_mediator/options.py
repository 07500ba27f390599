"""``[mediator.adaptation]`` and ``[mediator.options]``: the behaviours of a node that can be set, with their
defaults.

There are three kinds of options:

* order 268 rules the behaviour, and the vendor's device differs: the profile sets the default
  (:class:`InProfile`);
* order 268 rules the behaviour, and a console may expect another one;
* no public source rules the behaviour: the default is our choice.

A clause reads ``appendix.clause``: order 268, 6.5.6 is appendix 6, clause 5.6.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, ValidationInfo, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

ByteOrder = Literal["little", "big"]
StreamFault = Literal["ABSENT", "OFF", "LOS", "AIS", "LOF", "LOMF", "RAI"]
Profile = Literal["eltex", "order"]

_POWER = re.compile(r"[+-]?[0-9]{1,17}[eE][+-]?[0-9]{1,3}")
"""A number that YAML 1.1 reads as a text, since it wants a point before the exponent."""


class Section(BaseModel):
    """A table of the lab file: frozen, unknown keys are refused, and a text is neither a number nor a switch."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _has_its_type(cls, given: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[str(info.field_name)].annotation
        if kind is bool and not isinstance(given, bool):
            raise PydanticCustomError("bool_type", "true or false")
        if kind is float and isinstance(given, str) and _POWER.fullmatch(given):
            return float(given)
        if kind in (int, float) and isinstance(given, str | bool):
            raise PydanticCustomError("int_type" if kind is int else "float_type", "a number")
        return given

    @classmethod
    def meanings(cls) -> Mapping[str, str]:
        """What each field means: the description of its type, or the docstring below it.

        They are read when they are asked for: reading all of them (``use_attribute_docstrings`` of pydantic) took a
        third of the start of each command.
        """
        found: dict[str, str] = {}
        for one in reversed(cls.__mro__):
            if issubclass(one, Section):
                found |= declared_meanings(one)
        of_type = {name: field.description for name, field in cls.model_fields.items() if field.description}
        return found | of_type

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The JSON schema with the meanings as descriptions."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, meaning in cls.meanings().items():
            properties[cls.model_fields[name].alias or name]["description"] = meaning
        return schema


def declared_meanings(kind: type) -> Mapping[str, str]:
    """The docstring below each field that a class of a module declares, without those of its bases."""
    return _field_docstrings(kind.__module__).get(kind.__name__, {})


@cache
def _field_docstrings(module: str) -> Mapping[str, Mapping[str, str]]:
    """The docstrings below fields, by class and field."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        one.name: {
            field.target.id: inspect.cleandoc(text.value.value)
            for field, text in pairwise(one.body)
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        }
        for one in tree.body
        if isinstance(one, ast.ClassDef)
    }


@dataclass(frozen=True, kw_only=True)
class InProfile:
    """Marks an option whose default depends on ``mediator.profile``; the declared default is that of
    ``eltex``.

    ``order`` is the default of the profile ``order``, ``clause`` the clause of the order, ``why`` the
    behaviour of the vendor's device.
    """

    order: Any
    clause: str
    why: str

    def __get_pydantic_json_schema__(
        self, core_schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The JSON schema of the option, with the other profile's default in ``x-default-in-profile``."""
        return handler(core_schema) | {"x-default-in-profile": {"order": self.order}}


class Adaptation(Section):
    """The mediator's four rewritings of the called number (Eltex SMG1016M manual, SORM settings)."""

    prefix_8_to_cdpn: bool = False
    """Leading 7 becomes 8 in the called number when the A number is controlled."""
    prefix_810_to_cdpn: bool = False
    """Leading 7 becomes 810 in the called number when the A number is controlled."""
    min_digits: Annotated[int, Field(ge=0, le=18)] = 0
    """Least digits of a number whose leading 7 is replaced. The manual names no length (0); 11 leaves short numbers
    of the node as they are, such as 7001."""
    toll_8_to_7: bool = False
    """Leading toll code 8 becomes 7 in the called number."""
    toll_88_to_7: bool = False
    """Leading 88 becomes 7 in the called number."""


class MediatorOptions(Section):
    """The behaviours of a node that can be set: each has its clause of the order, or is our choice."""

    # --- the vendor's device and the order differ: the profile sets the default
    same_number_again: Annotated[
        Literal["allow", "refuse"],
        InProfile(
            order="allow", clause="6.5.6", why="the device has an extended error code of its own for it (36h)"
        ),
    ] = "refuse"
    """Command 5 with a number that is under control already. Order 268, 6.5.6: any number may be put under
    control, whether or not the table has it, and gets a new object number."""
    version_before_start: Annotated[
        Literal["refuse", "allow"],
        InProfile(order="refuse", clause="7.3", why="the vendor's console asks the version before it starts"),
    ] = "allow"
    """Command 17 before command 1. Order 268, 7.3: no command is taken before start (27h/02h)."""
    orm_number_from_start: Annotated[
        Literal["on", "off"],
        InProfile(
            order="on",
            clause="6.1.3",
            why="the device has its number configured and refuses another (28h/05h)",
        ),
    ] = "off"
    """Command 1 gives the technical means their ORM number (order 268, 6.1.3); off: it is ``mediator.orm_number``."""
    statistical_high_priority: Annotated[
        Literal["refuse", "allow"],
        InProfile(order="refuse", clause="6.5.5.8", why="the vendor's tests put such objects on control"),
    ] = "allow"
    """Command 5 or 15 with statistical control and priority 01h. Order 268, 6.5.5.8: it is FFh or 02h."""

    # --- the form of octets
    object_byte_order: ByteOrder = "little"
    """Byte order of object numbers. Order 268, 5.4, 8.5 and 10.4.1: the first octet is the low one."""
    trunk_byte_order: ByteOrder = "little"
    """Byte order of trunk numbers. Order 268, 5.4, 8.5 and 10.4.1: the first octet is the low one."""
    count_byte_order: ByteOrder = "little"
    """Byte order of total and number in the header of KPD1 messages. Order 268, 8.5: the first octet is the low one."""
    service_code_position: Literal["third", "first"] = "third"
    """Place of the service code within its three octets. Order 268, 9.5.5.2 and 11.4.4, does not rule it; our
    choice."""
    single_message_numbering: Literal["0,0", "1,1"] = "1,1"
    """Total and number of a message that comes alone. Order 268, 8.2.1.5 and 8.2.1.6: both are 1..65535."""
    m25_length: Literal["variable", "fixed45"] = "variable"
    """Length of message 25h with services. Order 268, 9.5.4: as long as the services need, at most 45
    octets."""
    combined_ksl_b: Literal["equal_a", "ff"] = "equal_a"
    """KSL-B of a combined group in messages. Order 268, 6.4.6 and 10.3.1.6, allows both: equal to KSL-A, or FFh."""
    bitmap_polarity: Literal["1=in service", "0=in service"] = "1=in service"
    """Meaning of a bit in 29h and 53h. Order 268, 9.9.4.2: 1 works, 0 is faulty, cut or absent."""
    requirements_version: Annotated[int, Field(ge=0, le=255)] | None = None
    """Octet 10 of the header of KPD1 messages; left out: 02h (order 268, 8.2.1.8), or FFh in order 70."""
    extra_digits: bool = False
    """Half-bytes Bh and Ch stand for * and #. The order has no such digits in a number; our choice."""
    password_characters: Literal["digits", "printable"] = "digits"  # noqa: S105
    """The passwords that command 3 accepts. Order 268, 5.2.2.5 and 6.3, rules only the six octets; our
    choice."""
    message_text: Literal["utf-8", "gsm7", "ucs2", "cp1251"] = "utf-8"
    """Coding of the text in message 2Ch. Order 268, 9.12.4, doesn't rule it; our choice."""
    message_non_delivery: Annotated[int, Field(ge=0, le=255)] | None = None
    """Octet 16 of message 2Ch, the reason of non-delivery, when the electronic message was not delivered;
    left out: FFh. Order 268, 9.12.4, gives no values; our choice."""
    trunk_in_events: Literal["all", "objects"] = "all"
    """Calls whose KPD2 messages carry the trunk number. all: by ``station_type`` (order 268, 10.3.1.5):
    transit and terminal-transit nodes send it for every call, a terminal node for an incoming call without an
    A number. objects: only calls whose trunk is the object."""

    # --- how the mediator answers
    command_while_busy: Literal["wait", "refuse"] = "wait"
    """A command, other than 2, 7, 8, 13 and 14, that arrives while another is executed. Order 268, 7.1: the
    command is not taken until the other is answered, so it waits. refuse: 27h/01h at once (extended: 2Dh)."""
    test_command_28h: Literal["off", "on"] = "off"
    """28h after 29h in answer to command 14. Order 268, 9.8.3: none, except for a wrong password or
    number."""
    test_while_stopped: Literal["on", "off"] = "off"
    """Command 14 before command 1. Order 268, 7.3: no command is taken before start (27h/02h)."""
    wrong_orm_number_reply: Literal["order", "vendor"] = "vendor"
    """With extended errors, a wrong ORM number gives 27h/18h (vendor) or 28h/05h (order 268, 7.6 and
    9.8.4)."""
    already_started_reply: Literal["order", "vendor"] = "vendor"
    """With extended errors, command 1 while running gives 27h/16h (vendor) or 28h/07h (order 268, 6.1.4)."""
    unauthorized_access_place: Literal["before_28h", "after_28h"] = "after_28h"
    """Place of 26h relative to the 28h of a wrong password or number. Order 268, 7.6, lists 27h, 28h, 26h."""
    tell_table_access: Literal["off", "on"] = "off"
    """Reading objects, KSL or calls by HTTP is reported to the console with 26h/03h (order 268, 9.6.4.1:
    tables read or written). Off by default, because the lab's own pages read the tables all the time; our
    choice."""
    stop_clears_groups: Literal["on", "off"] = "on"
    """Command 2 erases the KSL groups. Order 268, 6.2.4: the tables are deleted."""
    stop_resets_password: Literal["on", "off"] = "on"  # noqa: S105
    """Command 2 restores the configured password. Order 268, 6.2.3: the first password is valid again."""
    after_restart: Literal["initial", "restore"] = "initial"
    """State after a restart of the program. initial: stopped, first password, empty tables, which the console
    restores (order 268, 9.2.4). restore: state and tables as before, reported with 21h/03h."""
    restart_message: Literal["on", "off"] = "on"
    """22h when KPD1 first comes up after a start of the program. Order 268, 9.2.3: first start, crash,
    restart."""
    alarm_while_stopped: Literal["off", "on"] = "off"
    """21h is sent while the technical means are stopped. Order 268, 8.2.1.2, names its ORM number before the
    first start and does not require the message; our choice."""
    disk_alarm: Literal["on", "off"] = "on"
    """21h type 02h when the disk refuses changes of the tables or entries of the journal, so that the operator of the
    console acts, and type 03h when it takes them again. Order 268, 9.1.4.1, has the types and not this reason; our
    choice."""
    line_restored_code: Annotated[int, Field(ge=0, le=255)] = 0
    """Code of 21h type 04h when a stream works again. Order 268, 9.1.4.2, gives no values, and the Eltex
    SMG1016M manual, SORM settings, gives codes of faults only; our choice."""
    stream_alarm_codes: dict[StreamFault, Annotated[int, Field(ge=0, le=255)]] = {
        "ABSENT": 1,
        "OFF": 1,
        "LOS": 1,
        "AIS": 1,
        "LOF": 1,
        "LOMF": 1,
        "RAI": 2,
    }
    """Code of 21h type 04h by state of a stream. Order 268, 9.1.4.2, gives no values. The vendor has 01h for
    LOS and 02h for RAI; every other fault of the received signal is reported as LOS. States that are left out
    keep their default code."""
    stream_unheard: tuple[StreamFault, ...] = ("ABSENT", "OFF", "LOS", "AIS", "LOF", "RAI")
    """States of a stream in which its KSL lines are out of order, because the console receives no speech. In
    LOMF the console receives it; our choice."""
    pair_over_tcp: Literal["on", "off"] = "on"
    """Over TCP, KPD1 and KPD2 are one pair as over E1 (order 268, 1.4.1.1, rules E1 only). When one
    connection is lost, data over both stops until both are connected and a valid command has come. off: each
    channel works by itself. Our choice."""

    # --- objects, lines and calls
    ksl_choice: Literal["ring", "lowest"] = "ring"
    """The free line of a group that a call gets. Order 268, 6.4.3: round the ring, from the lowest number to
    the highest and then from the lowest again. lowest: always the lowest free line."""
    join_running_call_on_add: Literal["off", "on"] = "off"
    """Command 5 takes effect on a call that is running. Order 268, 6.5.4: from the next call on."""
    change_running_call: Literal["next_call", "at_once"] = "next_call"
    """When command 15 takes effect on a call that is running. Order 268, 6.15.5: from the object's next call."""
    busy_ksl_removal: Literal["refuse", "release"] = "refuse"
    """Command 9 on a line in use. Order 268, 6.9.6: not executed. release: taken out, with 52h/04h."""
    same_call_number_for_both_objects: Literal["on", "off"] = "on"
    """Two objects in one call share the call number. Order 268, 6.7.8.1, numbers each connection with an
    object; the common number of two objects in one connection is our reading."""
    no_services_reply: Literal["empty", "61h"] = "empty"
    """Command 12 for a subscriber without services. Order 268, 9.5.5.3: executed, 25h with count 0. 61h: 28h/61h."""
    late_ksl: Literal["off", "on"] = "off"
    """A line that becomes free is given, with 51h, to a running call that found none. By order 268, 11.5.3,
    only command 7 results in 51h."""
    call_expiry: Annotated[float, Field(ge=0)] = 86_400.0
    """Seconds without a call report after which a call ends with 43h/01h and its lines are freed; 0 = never.
    Our choice."""
    mass_removal: Literal["refuse", "all"] = "refuse"
    """Command 6 with FFh in all fields. Order 268, 6.6.5: its fields follow command 5, which has no such object."""

    priority_without_line: Literal["ff", "02h"] = "ff"
    """Priority in events of a call under full control without a line. Order 268, 11.1.8, allows both: FFh, or 02h."""
    line_lost_shown: Literal["statistical", "none-free"] = "statistical"
    """Operation of 42h, 43h and 44h after a priority object, command 7 or a fault took the line. Order 268,
    11.2.4.1, has FFh after command 8 and does not rule these cases: FFh as after command 8, or 01h as without
    a free line; our choice."""
    waiting_commands: Annotated[int, Field(ge=0, le=65535)] = 256
    """Commands of a stream that may wait for another command to end (command_while_busy = "wait"). One more
    is refused with 27h/01h (extended: 2Dh). Order 268, 7.1, gives no number; our choice."""

    password_tries_per_minute: Annotated[int, Field(ge=0, le=100_000)] = 30
    """Commands with a wrong password that a stream (over TCP: the port of KPD1) may send in a minute. After
    so many at once, the next command of that stream waits a minute divided by this number; the right password
    waits no longer. 0 = no limit. Order 268 sets none; our choice."""

    journal_strangers_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = 120
    """Journal entries in a minute about peers that have not sent the password on their connection
    (connections, refusals, octets that are no command, wrong passwords). Further entries are left out and
    counted, and an entry ``left-out`` has their number. 0 = no bound; our choice."""

    coalesce: Literal["on", "off"] = "on"
    """Over TCP, units of one moment share packets as far as they fit into one: events of calls that are reported
    together, and what waited for a console that did not read. Order 268, 1.4.2.2, forbids only that a unit is spread
    over packets. off: each unit is sent by itself. Our choice."""
    access_messages_per_minute: Annotated[int, Field(ge=0, le=100_000)] = 60
    """Messages 26h in a minute about refused connections and about tables read by HTTP (order 268, 9.6.4.1).
    Further ones are left out and counted, and the text of the next one ends with their number. Wrong
    passwords and ORM numbers are always reported. 0 = no bound; our choice."""
    slow_console: Literal["put-off", "drop"] = "put-off"
    """Call reports while KPD2 holds three quarters of what may wait for the console (console.most_unsent,
    x25.queue_limit). put-off: they are not answered, so that the switch repeats them (RFC 2866 section 2), as
    long as the console takes anything within output_timeout. drop: they are taken, and events beyond the limit
    are lost. Our choice."""

    # --- times
    output_timeout: Annotated[float, Field(ge=0)] = 30.0
    """Seconds that a console may leave a table unread while the commands of all consoles wait. The command
    then ends with 28h/01h (extended: 21h); 0 = never. Our choice."""
    unit_timeout: Annotated[float, Field(gt=0)] = 5.0
    """Seconds that a unit may stay unfinished before it is refused with 27h/01h; our choice."""
    switch_timeout: Annotated[float, Field(gt=0)] = 8.0
    """Seconds that the switch may take to answer one command (within limits_ms for 28h); our choice."""
    limits_ms: dict[Literal["27h", "28h", "29h", "53h"], Annotated[int, Field(gt=0)]] = {
        "27h": 400,
        "28h": 15_000,
        "29h": 200,
        "53h": 200,
    }
    """Limits in milliseconds; a later message is logged and counted. Order 268: 27h 9.7.3; 28h 1.5 and 1.6
    (commands 5 and 6; the other commands have the same limit); 29h 9.9.3; 53h 11.7.3."""
    events_ms: Annotated[int, Field(gt=0)] = 200
    """Milliseconds from an event in the node until its KPD2 message is at the port toward the console (order 268,
    rule 5); a longer delay is logged and counted."""


# --- ``mediator.profile``: a set of defaults of named options, by the order or by the vendor's device.
#
# The declared default of an option is that of ``eltex``. Its mark
# :class:`~sorm_mediator.options.InProfile` has the default of ``order`` and the clause.


DEFAULT: Profile = "eltex"
"""The profile of a lab file without ``mediator.profile``."""
PROFILES: tuple[Profile, ...] = get_args(Profile)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One option whose default depends on the profile."""

    key: str
    """Its key within ``[mediator]``, such as ``options.same_number_again``."""
    defaults: dict[Profile, Any]
    """Profile -> default."""
    clause: str
    """The order's clause, ``appendix.clause``."""
    why: str
    """The behaviour of the vendor's device."""


def differences(model: type[BaseModel]) -> Iterator[Difference]:
    """The options of ``model`` and of its tables that the profile decides, in the order of their declaration."""
    for name, field in model.model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, InProfile):
                defaults: dict[Profile, Any] = {"eltex": field.default, "order": mark.order}
                yield Difference(key=name, defaults=defaults, clause=mark.clause, why=mark.why)
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            for one in differences(inner):
                yield replace(one, key=f"{name}.{one.key}")


def with_profile(model: type[BaseModel], given: Any) -> Any:
    """``given``, the table ``[mediator]`` before it is validated, with the defaults of the profile that it names.

    Given values stay. Values that can't be used stay too: the validation that follows reports them.
    """
    if not isinstance(given, dict) or given.get("profile", DEFAULT) not in PROFILES:
        return given
    profile: Profile = given.get("profile", DEFAULT)
    if profile == DEFAULT:  # the declared defaults are those of this profile
        return given
    filled = dict(given)
    for one in differences(model):
        table, _, name = one.key.rpartition(".")
        if not table:
            filled.setdefault(name, one.defaults[profile])
            continue
        inner = filled.get(table, {})
        if isinstance(inner, BaseModel):
            if name not in inner.model_fields_set:
                filled[table] = inner.model_copy(update={name: one.defaults[profile]})
        elif isinstance(inner, dict):
            filled[table] = {name: one.defaults[profile]} | inner
    return filled
