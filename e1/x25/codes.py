"""What causes and diagnostics of X.25 mean, for people, in English and in Russian.

The codes are those that tshark knows too (X.25 annex E); 80h..8Fh in a Restart are ours (:mod:`e1.x25.layer`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple


class Text(NamedTuple):
    """One phrase in both languages."""

    en: str
    ru: str


Table = Mapping[int, Text]
_DTE = Text("DTE originated", "по инициативе ООД")

CLEAR_CAUSES: Table = {
    0x00: _DTE,
    0x01: Text("number busy", "номер занят"),
    0x03: Text("invalid facility request", "недопустимая услуга"),
    0x05: Text("network congestion", "перегрузка сети"),
    0x09: Text("out of order", "неисправность"),
    0x0B: Text("access barred", "доступ запрещён"),
    0x0D: Text("not obtainable", "абонент недоступен"),
    0x11: Text("remote procedure error", "процедурная ошибка удалённой стороны"),
    0x13: Text("local procedure error", "местная процедурная ошибка"),
    0x15: Text("RPOA out of order", "неисправность выбранной частной сети"),
    0x19: Text("reverse charging not accepted", "оплата вызываемым не принята"),
    0x21: Text("incompatible destination", "несовместимое назначение"),
    0x29: Text("fast select not accepted", "быстрая выборка не принята"),
    0x39: Text("destination absent", "назначение отсутствует"),
}
RESET_CAUSES: Table = {
    0x00: _DTE,
    0x01: Text("out of order (PVC)", "неисправность (PVC)"),
    0x03: Text("remote procedure error", "процедурная ошибка удалённой стороны"),
    0x05: Text("local procedure error", "местная процедурная ошибка"),
    0x07: Text("network congestion", "перегрузка сети"),
    0x09: Text("remote DTE operational (PVC)", "удалённое ООД работает (PVC)"),
    0x0F: Text("network operational (PVC)", "сеть работает (PVC)"),
    0x11: Text("incompatible destination", "несовместимое назначение"),
    0x1D: Text("network out of order (PVC)", "неисправность сети (PVC)"),
}
RESTART_CAUSES: Table = {
    0x00: _DTE,
    0x01: Text("local procedure error", "местная процедурная ошибка"),
    0x03: Text("network congestion", "перегрузка сети"),
    0x07: Text("network operational", "сеть работает"),
    0x7F: Text("registration/cancellation confirmed", "регистрация или её отмена подтверждена"),
}
_STATES = ("r1", "r2", "r3", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "d1", "d2", "d3")
DIAGNOSTICS: Table = {
    0x00: Text("no additional information", "без дополнительных сведений"),
    0x01: Text("invalid P(S)", "недопустимый P(S)"),
    0x02: Text("invalid P(R)", "недопустимый P(R)"),
    0x10: Text("packet type invalid", "недопустимый тип пакета"),
    **{
        0x11 + at: Text(
            f"packet type invalid for state {name}", f"недопустимый тип пакета в состоянии {name}"
        )
        for at, name in enumerate(_STATES)
    },
    0x20: Text("packet not allowed", "пакет не разрешён"),
    0x21: Text("unidentifiable packet", "неопознаваемый пакет"),
    0x22: Text("call on a one-way logical channel", "вызов по одностороннему логическому каналу"),
    0x23: Text("packet type invalid on a PVC", "недопустимый тип пакета в PVC"),
    0x24: Text("packet on an unassigned logical channel", "пакет в неназначенном логическом канале"),
    0x25: Text("REJ not subscribed to", "услуга REJ не заказана"),
    0x26: Text("packet too short", "пакет слишком короткий"),
    0x27: Text("packet too long", "пакет слишком длинный"),
    0x28: Text("invalid general format identifier", "недопустимый идентификатор общего формата"),
    0x29: Text("restart on a logical channel other than 0", "рестарт не в логическом канале 0"),
    0x2A: Text("packet not compatible with a facility", "тип пакета не совместим с услугой"),
    0x2B: Text("unauthorised interrupt confirmation", "неразрешённое подтверждение прерывания"),
    0x2C: Text("unauthorised interrupt", "неразрешённое прерывание"),
    0x2D: Text("unauthorised reject", "неразрешённый REJ"),
    0x30: Text("timer expired", "истёк таймер"),
    0x31: Text("timer expired for a call", "истёк таймер вызова"),
    0x32: Text("timer expired for a clear", "истёк таймер разъединения"),
    0x33: Text("timer expired for a reset", "истёк таймер сброса"),
    0x34: Text("timer expired for a restart", "истёк таймер рестарта"),
    0x35: Text("timer expired for call deflection", "истёк таймер перенаправления вызова"),
    0x40: Text("call set-up, clearing or registration problem", "ошибка установления или разъединения"),
    0x41: Text("facility code not allowed", "код услуги не разрешён"),
    0x42: Text("facility parameter not allowed", "параметр услуги не разрешён"),
    0x43: Text("invalid called address", "недопустимый адрес вызываемого"),
    0x44: Text("invalid calling address", "недопустимый адрес вызывающего"),
    0x45: Text("invalid facility length", "недопустимая длина поля услуг"),
    0x46: Text("incoming call barred", "входящие вызовы запрещены"),
    0x47: Text("no logical channel available", "нет свободного логического канала"),
    0x48: Text("call collision", "столкновение вызовов"),
    0x49: Text("duplicate facility", "услуга запрошена дважды"),
    0x4A: Text("non-zero address length", "ненулевая длина адреса"),
    0x4B: Text("non-zero facility length", "ненулевая длина поля услуг"),
    0x4C: Text("facility not provided when expected", "нет ожидаемой услуги"),
    0x4D: Text("invalid CCITT-specified DTE facility", "недопустимая услуга ООД по МККТТ"),
    0x4E: Text("too many redirections", "слишком много перенаправлений"),
    0x50: Text("miscellaneous", "прочее"),
    0x51: Text("improper cause code from a DTE", "недопустимая причина от ООД"),
    0x52: Text("not octet aligned", "не целое число октетов"),
    0x53: Text("inconsistent Q bit", "разный бит Q в одной последовательности"),
    0x54: Text("NUI problem", "ошибка идентификатора пользователя сети"),
    0x70: Text("international problem", "международная неисправность"),
    0x71: Text("remote network problem", "неисправность удалённой сети"),
    0x72: Text("international protocol problem", "международная ошибка протокола"),
    0x73: Text("international link out of order", "международная линия неисправна"),
    0x74: Text("international link busy", "международная линия занята"),
    0x75: Text("transit network facility problem", "ошибка услуги транзитной сети"),
    0x76: Text("remote network facility problem", "ошибка услуги удалённой сети"),
    0x77: Text("international routing problem", "ошибка международной маршрутизации"),
    0x78: Text("temporary routing problem", "временная ошибка маршрутизации"),
    0x7A: Text("maintenance action", "техническое обслуживание"),
}

_TABLES: Mapping[str, Table] = {"clear": CLEAR_CAUSES, "reset": RESET_CAUSES, "restart": RESTART_CAUSES}
_UNKNOWN = Text("unknown", "неизвестно")

Lang = Literal["en", "ru"]
Kind = Literal["clear", "reset", "restart"]


def cause_text(kind: Kind, cause: int, lang: Lang = "en") -> str:
    """The cause (0..255) of a clear, reset or restart in words, with the code in hexadecimal."""
    text = _DTE if cause & 0x80 else _TABLES[kind].get(cause, _UNKNOWN)
    return f"{getattr(text, lang)} ({cause:02X}h)"


def diagnostic_text(diagnostic: int | None, lang: Lang = "en") -> str:
    """The diagnostic (0..255, None: left out) in words, with the code in hexadecimal."""
    if diagnostic is None:
        return "no diagnostic" if lang == "en" else "диагностики нет"
    return f"{getattr(DIAGNOSTICS.get(diagnostic, _UNKNOWN), lang)} ({diagnostic:02X}h)"
