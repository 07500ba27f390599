"""The words of the page, in both languages."""

from __future__ import annotations

from protocol.language import Phrase

LABELS: dict[str, Phrase] = {
    "title": Phrase("Acceptance: formats of numbers", "Сдача узла связи: форматы номеров"),
    "lab": Phrase("Lab file", "Файл стенда"),
    "against": Phrase("Mediator", "Посредник СОРМ"),
    "time": Phrase("Time", "Время"),
    "version": Phrase("Version", "Версия"),
    "profile": Phrase("Profile", "Профиль"),
    "order": Phrase("order", "приказ"),
    "orm_number": Phrase("ORM number", "номер ТС ОРМ"),
    "user": Phrase("User at the switch", "Пользователь на станции"),
    "result": Phrase("Result", "Итог"),
    "kind": Phrase("Subscriber", "Абонент"),
    "direction": Phrase("Direction", "Связь"),
    "operator": Phrase("Operator", "Оператор"),
    "domain": Phrase("Domain", "Домен"),
    "call": Phrase("Call", "Вызов"),
    "agreed": Phrase("Agreed", "Согласовано"),
    "seen": Phrase("Shown", "Передано"),
    "field": Phrase("Field", "Поле"),
    "digits": Phrase("Digits", "Количество цифр"),
    "prefix": Phrase("Prefix", "Префикс"),
    "any": Phrase("any", "любое"),
    "none": Phrase("none", "не используется"),
    "object_type": Phrase("Object type", "Тип объекта"),
    "number_sign": Phrase("Number sign", "Признак номера"),
    "controlled": Phrase("Under control", "На контроле"),
    "bytes": Phrase("Bytes", "Байты"),
    "decoded": Phrase("Decoded", "Расшифровка"),
    "nothing": Phrase("did not come", "не пришло"),
    "trace": Phrase("What routing does with this call", "Трассировка вызова"),
    "problems": Phrase("What is wrong", "Несоответствия"),
    "remedies": Phrase("Where to look", "Где исправить"),
    "reason": Phrase("Reason", "Причина"),
    "sent": Phrase("sent", "послано"),
    "received": Phrase("received", "принято"),
    "passed": Phrase("passed", "соответствует"),
    "failed": Phrase("failed", "не соответствует"),
    "not_applicable": Phrase("not applicable", "не применимо"),
    "pass": Phrase("PASS", "СООТВ."),
    "fail": Phrase("FAIL", "НЕ СООТВ."),
    "skipped": Phrase("n/a", "н/п"),
    "from_subscriber": Phrase(
        "subscriber {a} of {domain} dials {b}", "абонент {a} домена {domain} набирает {b}"
    ),
    "from_trunk": Phrase(
        "by trunk {trunk} of {domain} comes a call from {a} to {b}",
        "по транку {trunk} домена {domain} приходит вызов от {a} на {b}",
    ),
}
