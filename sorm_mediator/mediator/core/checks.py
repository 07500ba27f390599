"""Every refusal that the mediator decides itself, as a table: what is checked, in which order, and what the
console is told in each of the two error styles.

A check is either *receipt* (27h: the command as written can't be right) or *execution* (28h: the command is
right, but can't be done as things are). With extended errors its code stands in place of the order's own 01h,
in the same message. docs/mediator.md is generated from these tables.

Source: PROTOCOL 4 (error routing), 4.1-4.17, 6. Where the sheet gives several extended codes for a case, the
one here is the first that the seed lists and that suits the message.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from protocol.codes import ObjectType
from protocol.values import Raw
from sorm_mediator.mediator.core.conditions import (
    a_not_in_group,
    blank,
    differs,
    group_unfit,
    half_a_call,
    is_mass_removal,
    leg_of,
    line_disagrees,
    line_in_group,
    line_named,
    no_group,
    no_priority,
    not_in_use,
    other_type,
    phone_of,
    sign_unfit,
    stored,
    taken,
    unknown_group,
    wrong_b,
    wrong_group_for_category,
    wrong_new_password,
    wrong_pair,
)
from sorm_mediator.mediator.core.select import find_line, matching_objects, matching_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sorm_mediator.mediator.core.state import State

Reply = Literal[0x27, 0x28]
RECEIPT: Final[Reply] = 0x27
EXECUTION: Final[Reply] = 0x28


class Check(NamedTuple):
    """One reason to refuse a command."""

    reply: Reply
    extended: int
    """Status with extended errors; without them it is 01h."""
    en: str
    ru: str
    fails: Callable[[State, Any], bool]


def _receipt(extended: int, en: str, ru: str, fails: Callable[[State, Any], bool]) -> Check:
    return Check(RECEIPT, extended, en, ru, fails)


def _execution(extended: int, en: str, ru: str, fails: Callable[[State, Any], bool]) -> Check:
    return Check(EXECUTION, extended, en, ru, fails)


FIELD_CODES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "object_number": 0x34,
        "object_type": 0x12,
        "number_sign": 0x13,
        "number": 0x10,
        "category": 0x14,
        "ksl_group": 0x3E,
        "ksl_a": 0x3F,
        "ksl_b": 0x40,
        "priority": 0x15,
        "length": 0x10,
    }
)
"""Extended code for a field whose octets mean nothing (27h); any other field: 11h."""
PARAMETERS: Final = 0x11
WRONG_LENGTH: Final = 0x10
BUSY: Final = 0x2D
NOT_STARTED: Final = 0x17
ALREADY_STARTED: Final = 0x16
WRONG_ORM_NUMBER: Final = 0x18
INTERRUPTED: Final = 0x21


def field_code(names: set[str]) -> int:
    """The extended code for a unit with faults in these fields: the first of the table that is among them."""
    if {"ksl_a", "ksl_b"} <= names:
        return 0x41
    return next((code for name, code in FIELD_CODES.items() if name in names), PARAMETERS)


# --- the tables, in the order in which they are checked

_GROUP_GIVEN = _receipt(0x3E, "group number missing or 0", "номер группы не задан или 0", no_group)
_GROUP_KNOWN = _execution(0x3E, "no such group", "нет такой группы", unknown_group)
_THREE_FIELDS: tuple[Check, ...] = (
    _receipt(0x14, "category missing", "категория не задана", lambda _, c: c.category is None),
    _receipt(
        0x3E,
        "group number missing or 0, or given for statistical control",
        "номер группы не задан или 0, либо задан при статистическом контроле",
        wrong_group_for_category,
    ),
    _receipt(0x15, "priority missing (but for statistical control)", "приоритет не задан", no_priority),
)
_GROUP_FITS = (
    _GROUP_KNOWN,
    _execution(0x30, "group of a type that does not fit the category", "тип группы не подходит", group_unfit),
)
_LEG_KNOWN = _execution(
    0x3D,
    "no such object in such a call",
    "нет такого объекта в таком вызове",
    lambda s, c: c.call_number is not None and leg_of(s, c) is None,
)

CHECKS: Final[Mapping[int, tuple[Check, ...]]] = MappingProxyType(
    {
        0x03: (
            _receipt(
                PARAMETERS,
                "new password is not six of the allowed characters",
                "новый пароль — не шесть допустимых символов",
                wrong_new_password,
            ),
        ),
        0x04: (
            _GROUP_GIVEN,
            _receipt(
                PARAMETERS, "group type missing", "тип группы не задан", lambda _, c: c.group_type is None
            ),
            _receipt(
                0x41,
                "separate: both KSL wrong, the same, or in different streams",
                "раздельная: обе КСЛ неверны, совпадают или в разных потоках",
                wrong_pair,
            ),
            _receipt(
                0x3F,
                "KSL-A missing, not 1..28, or stream not equipped",
                "КСЛ-А не задана, не 1..28 или нет потока",
                lambda s, c: not s.lines.exists(c.ksl_a),
            ),
            _receipt(
                0x40,
                "KSL-B: separate: missing, not 1..28, or stream not equipped; combined: given and not KSL-A",
                "КСЛ-В: в раздельной неверна, в совмещённой отлична от КСЛ-А",
                wrong_b,
            ),
            _execution(0x30, "group has another type", "группа имеет другой тип", other_type),
            _execution(
                0x3A, "KSL-A already in a group", "КСЛ-А уже в группе", lambda s, c: taken(s, c.ksl_a)
            ),
            _execution(
                0x40, "KSL-B already in a group", "КСЛ-В уже в группе", lambda s, c: taken(s, c.ksl_b)
            ),
        ),
        0x05: (
            _receipt(
                0x34, "object number missing", "номер объекта не задан", lambda _, c: c.object_number is None
            ),
            _receipt(0x12, "object type missing", "тип объекта не задан", lambda _, c: c.object_type is None),
            _receipt(
                0x48,
                "both phone and trunk given",
                "заданы и номер, и пучок",
                lambda _, c: not blank(c.number) and c.trunk is not None,
            ),
            _receipt(
                0x20,
                "neither phone nor trunk given",
                "не заданы ни номер, ни пучок",
                lambda _, c: blank(c.number) and c.trunk is None,
            ),
            _receipt(
                0x38,
                "object type does not fit the sign or the number",
                "тип объекта не подходит к признаку или номеру",
                sign_unfit,
            ),
            *_THREE_FIELDS,
            _execution(
                0x33,
                "object number already used",
                "номер объекта уже занят",
                lambda s, c: c.object_number in s.tables.objects,
            ),
            _execution(
                0x36,
                "phone already controlled under another object number",
                "номер телефона уже на контроле",
                lambda s, c: phone_of(c) in s.tables.by_phone,
            ),
            _execution(
                0x4A,
                "trunk already controlled under another object number",
                "пучок уже на контроле",
                lambda s, c: c.trunk in s.tables.by_trunk,
            ),
            _execution(
                0x31,
                "object table full",
                "таблица объектов полна",
                lambda s, _: len(s.tables.objects) >= s.config.max_objects,
            ),
            _execution(
                0x4B,
                "as many trunks controlled as may be",
                "предел пучков на контроле",
                lambda s, c: c.trunk is not None and len(s.tables.by_trunk) >= s.config.max_trunk_objects,
            ),
            *_GROUP_FITS,
        ),
        0x06: (
            _receipt(
                0x34,
                "object number missing",
                "номер объекта не задан",
                lambda s, c: c.object_number is None and not is_mass_removal(s, c),
            ),
            _execution(
                0x34,
                "no such object",
                "нет такого объекта",
                lambda s, c: not is_mass_removal(s, c) and stored(s, c) is None,
            ),
            _execution(
                0x37,
                "the object is a trunk and the command names a phone, or the other way round",
                "объект — пучок, а в команде номер, или наоборот",
                differs(lambda o: o.object_type is ObjectType.TRUNK),
            ),
            _execution(0x38, "another object type", "другой тип объекта", differs(lambda o: o.object_type)),
            _execution(
                0x38, "another number sign", "другой признак номера", differs(lambda o: o.number_sign)
            ),
            _execution(
                0x44, "another count of digits", "другое число цифр", differs(lambda o: len(o.number or ""))
            ),
            _execution(0x35, "another number", "другой номер", differs(lambda o: o.number or "")),
            _execution(0x4C, "another trunk", "другой пучок", differs(lambda o: o.trunk)),
        ),
        0x07: (
            _receipt(
                0x3D,
                "call number or object number missing",
                "не задан номер вызова или объекта",
                lambda _, c: c.call_number is None or c.object_number is None,
            ),
            _GROUP_GIVEN,
            _LEG_KNOWN,
            _GROUP_KNOWN,
            _execution(
                0x3A, "it has a KSL already", "КСЛ уже подключена", lambda s, c: leg_of(s, c).line is not None
            ),
            _execution(
                0x5F,
                "the group is empty",
                "в группе нет КСЛ",
                lambda s, c: not s.tables.groups[c.ksl_group].lines,
            ),
            _execution(
                0x73,
                "no free KSL, and none of an ordinary object",
                "нет ни свободной КСЛ, ни КСЛ обычного объекта",
                lambda s, c: not s.calls.can_connect(c.ksl_group),
            ),
        ),
        0x08: (
            _receipt(
                0x3D,
                "call number without object number, or the other way round",
                "номер вызова без номера объекта или наоборот",
                half_a_call,
            ),
            _receipt(
                0x5F,
                "neither call nor KSL-A given",
                "не заданы ни вызов, ни КСЛ-А",
                lambda _, c: c.call_number is None and c.ksl_a is None,
            ),
            _receipt(0x40, "call and KSL disagree", "вызов и КСЛ не соответствуют", line_disagrees),
            _LEG_KNOWN,
            _execution(
                0x3F,
                "KSL-A is in no group",
                "КСЛ-А не входит ни в одну группу",
                lambda s, c: (
                    c.call_number is None and ((line := line_named(s, c)) is None or line.ksl_a != c.ksl_a)
                ),
            ),
            _execution(
                0x40,
                "KSL-B is not the partner of KSL-A",
                "КСЛ-В не в паре с КСЛ-А",
                lambda s, c: (
                    c.call_number is None and find_line([line_named(s, c)], c.ksl_a, c.ksl_b) is None
                ),
            ),
            _execution(0x5F, "no KSL is connected there", "КСЛ не подключена", not_in_use),
        ),
        0x09: (
            _GROUP_GIVEN,
            _receipt(0x3F, "KSL-A missing", "КСЛ-А не задана", lambda _, c: c.ksl_a is None),
            _GROUP_KNOWN,
            _execution(0x32, "KSL-A is not in that group", "КСЛ-А не входит в группу", a_not_in_group),
            _execution(
                0x40,
                "KSL-B is not the partner of KSL-A",
                "КСЛ-В не в паре с КСЛ-А",
                lambda s, c: line_in_group(s, c) is None,
            ),
            _execution(
                0x73,
                "the line is in use (option busy_ksl_removal)",
                "КСЛ занята",
                lambda s, c: (
                    s.options.busy_ksl_removal == "refuse" and s.lines.owner(line_in_group(s, c)) is not None
                ),
            ),
        ),
        0x0A: (
            _execution(
                0x34,
                "no such object",
                "нет такого объекта",
                lambda s, c: c.object_number is not None and c.object_number not in s.tables.objects,
            ),
            _execution(
                0x53, "nothing fits", "ничего не найдено", lambda s, c: not matching_objects(s.tables, c)
            ),
        ),
        0x0B: (
            _receipt(0x3E, "group number 0", "номер группы 0", lambda _, c: c.ksl_group == 0),
            _GROUP_KNOWN,
            _execution(
                0x30,
                "group has another type",
                "группа имеет другой тип",
                lambda s, c: (
                    c.ksl_group is not None
                    and c.group_type is not None
                    and s.tables.groups[c.ksl_group].group_type is not c.group_type
                ),
            ),
            _execution(
                0x32,
                "no such KSL there",
                "нет такой КСЛ",
                lambda s, c: (c.ksl_a or c.ksl_b) is not None and not matching_rows(s.tables, c, s.options),
            ),
            _execution(
                0x5F,
                "no KSL is in any group",
                "КСЛ не закреплены",
                lambda s, c: not matching_rows(s.tables, c, s.options),
            ),
        ),
        0x0C: (
            _receipt(
                0x13, "number sign missing", "признак номера не задан", lambda _, c: c.number_sign is None
            ),
            _receipt(0x10, "number missing", "номер не задан", lambda _, c: blank(c.number)),
        ),
        0x0D: (
            _execution(
                0x39,
                "no table is being output",
                "вывод уже завершён",
                lambda s, _: not s.interruptible(),
            ),
        ),
        0x0F: (
            _receipt(
                0x34, "object number missing", "номер объекта не задан", lambda _, c: c.object_number is None
            ),
            *_THREE_FIELDS,
            _execution(0x34, "no such object", "нет такого объекта", lambda s, c: stored(s, c) is None),
            *_GROUP_FITS,
        ),
    }
)
"""By command; commands that are not here have no checks but the common ones."""


def faulty_fields(message: Any) -> set[str]:
    """Fields whose octets mean nothing."""
    return {
        name
        for name in getattr(message, "__dataclass_fields__", ())
        if name not in ("orm_number", "password") and isinstance(getattr(message, name), Raw)
    }


def first_failure(state: State, command: Any, reply: Reply) -> Check | None:
    """The first check of this kind that ``command`` does not pass."""
    for check in CHECKS.get(command.code, ()):
        if check.reply == reply and check.fails(state, command):
            return check
    return None
