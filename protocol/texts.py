"""What coded values mean, for people, in English and in Russian.

The tables declare the codes that are integers, and hold the names of values; the functions look values up. They
return one phrase, in ``lang``, without a full stop. A value that no table holds gets a phrase with the value in
hexadecimal, never an error: a unit may hold anything.

Sources: order 268, appendices 6, 9, 10 and 11; the Russian keeps its words. The extended statuses of
:data:`EXTENDED_MANUAL` and their Russian are those of the Eltex SMG1016M manual, "Настройки СОРМ", word for
word; those of :data:`EXTENDED_FURTHER` and the texts of services are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from protocol.codes import (
    MESSAGE_BY_RECEIVER_IMSI,
    MESSAGE_BY_RECEIVER_NUMBER,
    MESSAGE_BY_SENDER_IMSI,
    MESSAGE_BY_SENDER_NUMBER,
    MESSAGE_DELIVERED,
    MESSAGE_DELIVERY_SHIFT,
    MESSAGE_DELIVERY_UNKNOWN,
    MESSAGE_NOT_DELIVERED,
    MESSAGE_RECEIVED,
    MESSAGE_SELECTION_SHIFT,
    MESSAGE_SENT,
)
from protocol.language import Lang, Phrase, translate

_Table = Mapping[int, Phrase]

NOT_GIVEN = Phrase("not given", "не задано")

CHANNELS: Mapping[str, Phrase] = {
    "command": Phrase("KPD1, command", "КПД1, команда"),
    "kpd1": Phrase("KPD1, message", "КПД1, сообщение"),
    "kpd2": Phrase("KPD2, message", "КПД2, сообщение"),
}

# Values with names; a name means the same wherever it stands (order 268, 6.4.4.2, 6.5.5, 9.11.4.2).
VALUES: Mapping[str, Phrase] = {
    "own-subscriber": Phrase("subscriber of this node", "абонент данного узла связи"),
    "network-full": Phrase(
        "PSTN subscriber with a full number, or an identifier",
        "абонент ТфССОП с полным номером или идентификатор",
    ),
    "network-partial": Phrase(
        "PSTN subscriber with an incomplete number", "абонент ТфССОП с неполным номером"
    ),
    "trunk": Phrase("trunk", "пучок каналов"),
    "own": Phrase("subscriber of this node", "абонент данного узла связи"),
    "russia": Phrase("PSTN subscriber of Russia", "абонент ТфССОП России"),
    "foreign": Phrase("PSTN subscriber of another country", "абонент ТфССОП другой страны"),
    "emergency": Phrase("emergency or information service", "экстренная или справочно-информационная служба"),
    "imsi": Phrase("IMSI or another mobile identifier", "IMSI или аналогичный идентификатор"),
    "private": Phrase("this exchange", "абонент данного узла связи"),
    "local": Phrase("local network", "местная сеть"),
    "zone": Phrase("zone network", "зоновая сеть"),
    "intercity": Phrase("long-distance network", "междугородная сеть"),
    "international": Phrase("international network", "международная сеть"),
    "combined": Phrase("both parties on one line", "совмещённый: оба абонента на одной линии"),
    "separate": Phrase("a line for each party", "раздельный: по линии на абонента"),
    "statistical": Phrase("without lines", "статистический: без линий"),
    "high": Phrase("priority", "приоритетный"),
    "normal": Phrase("ordinary", "обычный"),
    "terminal": Phrase("terminal node", "оконечный узел связи"),
    "transit": Phrase("transit node", "транзитный узел связи"),
    "terminal-transit": Phrase("terminal and transit node", "оконечно-транзитный узел связи"),
}

# Receipt (27h) and execution (28h): order 268, 9.7.4.2, 9.8.4.2. Status 00h and 01h differ between the two.
RECEIPT: _Table = {
    0x00: Phrase("accepted", "принята к исполнению"),
    0x01: Phrase("refused: format or parameters", "отвергнута: некорректный формат или параметры"),
    0x02: Phrase("refused: not started", "отвергнута: задана до запуска технических средств ОРМ"),
}
EXECUTION: _Table = {
    0x00: Phrase("done", "выполнена успешно"),
    0x01: Phrase("not done", "не выполнена"),
    0x03: Phrase("not done: wrong password", "не выполнена: неправильный пароль"),
    0x05: Phrase("not done: wrong ORM number", "не выполнена: неправильный номер ТС ОРМ"),
    0x07: Phrase("not done: already running", "не выполнена: технические средства ОРМ запущены"),
}
_EITHER: _Table = {
    **RECEIPT,
    **EXECUTION,
    0x00: Phrase("accepted or done", "принята к исполнению или выполнена"),
    0x01: Phrase("refused or not done", "отвергнута или не выполнена"),
}

EXTENDED_MANUAL: _Table = {
    0x10: Phrase(
        "command not accepted: wrong length, or wrong count of digits in the number",
        "команда не принята, неверная длина или неверное количество знаков в номере",
    ),
    0x11: Phrase("parameter(s) error", "ошибка параметра(-ов)"),
    0x12: Phrase("wrong object type", "неверный тип объекта"),
    0x13: Phrase("wrong number type", "неверный тип номера"),
    0x14: Phrase("wrong category", "неверная категория"),
    0x15: Phrase("priority error", "ошибка приоритета"),
    0x16: Phrase(
        "start not accepted: already started", "команда «Старт СОРМ» не принята по причине «уже стартовал»"
    ),
    0x17: Phrase(
        "command not accepted: SORM is not started", "команда не принята по причине «СОРМ не запущен»"
    ),
    0x18: Phrase(
        "command not accepted: wrong ORM number", "команда не принята по причине «неверный номер СОРМ»"
    ),
    0x25: Phrase("trunk group not defined", "транк-группа не задана"),
    0x30: Phrase("KSL group is defined with another type", "группа КСЛ определена другим типом"),
    0x31: Phrase(
        "object table full, monitoring not begun", "таблица объектов переполнена, мониторинг не начат"
    ),
    0x32: Phrase("the group has no such KSL", "в указанной группе КСЛ нет такой КСЛ"),
    0x33: Phrase("object already defined", "объект уже задан"),
    0x34: Phrase("wrong object number", "неверный номер объекта"),
    0x36: Phrase("number already defined", "номер уже задан"),
    0x37: Phrase("object number does not suit the command", "номер объекта не подходит для команды"),
    0x38: Phrase("wrong object type or wrong number type", "неверный тип объекта или неверный тип номера"),
    0x39: Phrase(
        "output already finished (answer to the table commands)",
        "вывод информации уже завершен (ответ на команду «выдача таблиц»)",
    ),
    0x3A: Phrase("KSL-A already assigned", "КСЛ-А уже закреплена"),
    0x3D: Phrase(
        "wrong object number (on connecting to or disconnecting from a call)",
        "неверный номер объекта (при подключении к соединению, отключению от соединения)",
    ),
    0x3E: Phrase("wrong KSL group number", "неверный номер группы КСЛ"),
    0x3F: Phrase("wrong KSL-A number", "неверный номер КСЛ-А"),
    0x40: Phrase("wrong KSL-B number", "неверный номер КСЛ-Б"),
    0x41: Phrase("wrong KSL-A and KSL-B numbers", "неверный номер КСЛ-А и КСЛ-Б"),
    0x44: Phrase("wrong count of digits", "неверное количество цифр"),
    0x4E: Phrase("trunk parameters not given", "параметры транка не заданы"),
    0x53: Phrase("neither number nor direction found", "не найден ни номер ни направление"),
    0x54: Phrase("the subscriber number is not local", "номер абонента не локальный"),
    0x55: Phrase("wrong number sign", "признак номера неверный"),
    0x56: Phrase("wrong object type for a local number", "неверный тип объекта для локального номера"),
    0x57: Phrase(
        "the local sign cannot be used, the number is not local",
        "признак локальный нельзя применить, поскольку номер не локальный",
    ),
    0x5F: Phrase("KSL not given", "КСЛ не задана"),
    0x61: Phrase("services not set", "ДВО не заданы"),
    0x73: Phrase("KSL allocation error", "ошибка выделения КСЛ"),
}
# Used where the manual has no status that fits: our choice.
EXTENDED_FURTHER: _Table = {
    0x19: Phrase("wrong number length", "неверная длина номера"),
    0x20: Phrase(
        "neither number nor trunk given when adding an object",
        "при постановке объекта не заданы ни номер, ни пучок каналов",
    ),
    0x21: Phrase("interrupted by console", "прервано пультом"),
    0x2D: Phrase(
        "not accepted: previous command still running",
        "команда не принята, предыдущая команда ещё выполняется",
    ),
    0x35: Phrase("number not found", "номер не найден"),
    0x3B: Phrase("number coincides", "номер совпадает"),
    0x47: Phrase("no number given for trunk", "не задан номер пучка каналов"),
    0x48: Phrase("both number and trunk given", "заданы и номер, и пучок каналов"),
    0x49: Phrase("no trunk with that number", "нет пучка каналов с таким номером"),
    0x4A: Phrase("that trunk is already controlled", "этот пучок каналов уже на контроле"),
    0x4B: Phrase("ten trunks are controlled already", "на контроле уже десять пучков каналов"),
    0x4C: Phrase("trunk number differs from the one defined", "номер пучка каналов отличается от заданного"),
}

SERVICES: _Table = {
    0x20: Phrase("all call forwarding", "все виды переадресации"),
    0x21: Phrase("forwarding unconditional", "безусловная переадресация"),
    0x28: Phrase("all conditional forwarding", "все виды условной переадресации"),
    0x29: Phrase("forwarding on busy", "переадресация по занятости"),
    0x2A: Phrase("forwarding on no reply", "переадресация по неответу"),
    0x2B: Phrase("forwarding when not reachable", "переадресация по недоступности"),
    0x31: Phrase("call transfer", "передача вызова"),
    0x32: Phrase("call pick-up", "перехват вызова"),
    0x33: Phrase("consultation call", "наведение справки"),
    0x40: Phrase("end of hold", "снятие с удержания"),
    0x41: Phrase("call waiting", "уведомление о поступлении вызова"),
    0x42: Phrase("hold", "удержание вызова"),
    0x43: Phrase("completion of calls to a busy subscriber", "ожидание освобождения абонента"),
    0x50: Phrase("multi-party services, conference", "все виды многосторонней связи, конференция"),
    0x51: Phrase("multi-party", "многосторонняя связь"),
    0x52: Phrase("three-party", "трёхсторонняя связь"),
}
"""Codes of services. The order names none (9.5.5.2, 11.4.4). 20h..2Bh, 31h, 41h..43h, 50h and 51h are SS-codes of
3GPP TS 29.002; 32h, 33h, 40h and 52h are our choice."""
PHASES: _Table = {
    0x00: Phrase("ordinary call", "обычный вызов"),
    0x01: Phrase("service ordered", "заказ услуги"),
    0x02: Phrase("service checked", "проверка услуги"),
    0x03: Phrase("service cancelled", "отмена услуги"),
    0x04: Phrase("service used", "активизация (реализация) услуги"),
    0x05: Phrase(
        "further information passed during the call",
        "передача дополнительной информации при установленном соединении",
    ),
}
"""Order 268, 10.2.1.8."""
_SELECTION_REASONS = (
    Phrase("A number", "номер A"),
    Phrase("B number", "номер B"),
    Phrase("trunk", "пучок каналов"),
    Phrase("object number", "условный номер объекта"),
)
_SELECTION_KINDS: _Table = {
    1: Phrase("combined", "совмещённый"),
    3: Phrase("separate", "раздельный"),
    2: Phrase("statistical", "статистический"),
}
_CONNECTION_HOW: _Table = {
    1: Phrase("set up automatically", "автоматика"),
    2: Phrase("set up by an operator", "полуавтоматика"),
}
_CONNECTION_DIRECTION: _Table = {
    0x1: Phrase("outgoing", "исходящая связь"),
    0x2: Phrase("incoming", "входящая связь"),
    0x4: Phrase("international transit", "международный транзит"),
    0x8: Phrase("long-distance transit", "междугородный транзит"),
    0xC: Phrase("inside this node", "внутристанционная связь"),
}

OPERATIONS_CONNECT: _Table = {
    0x00: Phrase("KSL connected", "нормальное подключение КСЛ"),
    0x01: Phrase("no free KSL in the group", "нет доступных КСЛ в группе"),
}
"""Operation codes of 41h, 42h and 44h besides FFh (order 268, 11.1.9), and of 51h (11.5.4..11.5.6)."""
OPERATIONS_RELEASE: _Table = {
    0x01: Phrase("released for technical reasons", "разъединение по техническим причинам"),
    0x02: Phrase("released after incomplete dialling", "разъединение после неполного набора"),
    0x03: Phrase(
        "called party busy, or no free lines", "вызываемый абонент занят или нет свободных линий связи"
    ),
    0x04: Phrase("called party does not answer", "неответ абонента B"),
    0x05: Phrase("released after conversation", "разъединение после разговорного состояния"),
}
"""Operation codes of 43h (order 268, 11.3.5)."""
OPERATIONS_KSL_RELEASED: _Table = {
    0x01: Phrase("released by command 8", "по команде N 8"),
    0x02: Phrase("taken by a priority object", "по приоритету объекта контроля"),
    0x03: Phrase("taken to carry out command 7", "по приоритету, в результате выполнения команды N 7"),
    0x04: Phrase("equipment fault", "неисправность станционного оборудования"),
    0x05: Phrase("object removed, command 6", "по команде N 6, снятие объекта с контроля"),
    0x06: Phrase("stopped, command 2", "по команде N 2, останов"),
}
"""Operation codes of 52h (order 268, 11.6.5)."""
OPERATIONS: Mapping[int, _Table] = {
    0x41: OPERATIONS_CONNECT,
    0x42: OPERATIONS_CONNECT,
    0x43: OPERATIONS_RELEASE,
    0x44: OPERATIONS_CONNECT,
    0x51: OPERATIONS_CONNECT,
    0x52: OPERATIONS_KSL_RELEASED,
}
"""Operation codes by message (order 268, 10.3.1.10)."""
NO_OPERATION = Phrase("statistical control", "статистический контроль")

ALARM_TYPES: _Table = {
    0x01: Phrase(
        "tables distorted or lost, the technical means stopped",
        "таблицы искажены или утеряны, технические средства ОРМ остановлены",
    ),
    0x02: Phrase(
        "tables intact, operator action needed",
        "таблицы целы, требуется вмешательство оператора пункта управления",
    ),
    0x03: Phrase("tables intact, no action needed", "таблицы целы, вмешательство оператора не требуется"),
    0x04: Phrase(
        "characteristics of the lines to the console changed",
        "изменение характеристик линий связи с пунктом управления",
    ),
}
"""Order 268, 9.1.4.1."""
ALARM_CODES: _Table = {
    0x00: Phrase("no fault: the line works again", "неисправности нет: линия восстановлена"),
    0x01: Phrase("E1: loss of signal (LOS)", "E1: потеря сигнала (LOS)"),
    0x02: Phrase("E1: remote alarm (RAI)", "E1: авария на удалённой стороне (RAI)"),
    0x03: Phrase("restart of the SIP adapter", "перезапуск SIP-адаптера"),
}
"""The order lists none (9.1.4.2). LOS and RAI are states of a stream (Eltex SMG1016M manual, "Проверка потока Е1
до ПУ СОРМ"); the numbers, and 00h for the end of a fault, are our choice."""
ACCESS_CODES: _Table = {
    0x01: Phrase("access from a forbidden port", "доступ с запрещённого порта"),
    0x02: Phrase("access with a wrong password", "доступ с ошибочным паролем"),
    0x03: Phrase("tables read or written", "чтение или запись таблиц данных технических средств ОРМ"),
    0x04: Phrase("port of the console link reassigned", "переназначение порта связи с ПУ"),
    0x05: Phrase("access with a wrong ORM number", "доступ с неправильным номером ТС ОРМ"),
}
"""Order 268, 9.6.4.1."""
LINE_STATES: _Table = {
    0x00: Phrase("works, calls are not restricted", "исправен, связь не ограничена"),
    0x01: Phrase("faulty", "неисправен"),
    0x03: Phrase("blocked, no calls", "заблокирован, связи нет"),
    0x07: Phrase("calls are restricted", "связь ограничена"),
    0xFF: Phrase("not known", "информация о состоянии недоступна"),
}
"""Order 268, 9.3.6.4."""

# Octet 15 of 2Ch: order 268, 9.12.4.4, table 1.
_RESERVE = Phrase("reserve", "резерв")
DIRECTIONS: _Table = {
    MESSAGE_SENT: Phrase("taken from the object", "принято от объекта контроля"),
    MESSAGE_RECEIVED: Phrase("addressed to the object", "адресовано объекту контроля"),
}
MESSAGE_SELECTIONS: _Table = {
    MESSAGE_BY_SENDER_IMSI: Phrase("selected by the sender's IMSI", "отобрано по IMSI отправителя"),
    MESSAGE_BY_SENDER_NUMBER: Phrase("selected by the sender's number", "отобрано по номеру отправителя"),
    MESSAGE_BY_RECEIVER_NUMBER: Phrase("selected by the receiver's number", "отобрано по номеру получателя"),
    MESSAGE_BY_RECEIVER_IMSI: Phrase("selected by the receiver's IMSI", "отобрано по IMSI получателя"),
}
DELIVERIES: _Table = {
    MESSAGE_DELIVERY_UNKNOWN: Phrase("delivery not known", "доставка не определена"),
    MESSAGE_DELIVERED: Phrase("delivered", "доставлено"),
    MESSAGE_NOT_DELIVERED: Phrase("not delivered", "не доставлено"),
}


def look_up(table: Mapping[int, Phrase], value: int, lang: Lang = "en") -> str:
    """The text of ``value`` in one of the tables above."""
    text = table.get(value)
    return translate(text, lang) if text is not None else translate(unknown(value), lang)


def meaning_in(table: Mapping[int, Phrase]) -> Callable[[int, Lang], str]:
    """:func:`look_up` in ``table``, as a function of value and language."""
    return partial(look_up, table)


def unknown(value: object) -> Phrase:
    """The text of a value that no table holds; an integer is shown as two hexadecimal digits."""
    shown = f"0x{value:02X}" if isinstance(value, int) else str(value)
    return Phrase("unknown value {value}", "неизвестное значение {value}", value=shown)


def status_text(status: int, lang: Lang = "en", *, message_code: int | None = None) -> str:
    """The status of 27h or 28h; ``message_code`` is the one meant, for 00h and 01h differ."""
    order = {0x27: RECEIPT, 0x28: EXECUTION}.get(message_code or 0, _EITHER)
    if status in order:
        return look_up(order, status, lang)
    return look_up({**_EITHER, **EXTENDED_MANUAL, **EXTENDED_FURTHER}, status, lang)


def value_name_text(name: str, lang: Lang = "en") -> str:
    """A named value (object type, sign, category, group type, priority, station type)."""
    text = VALUES.get(name)
    return translate(text, lang) if text is not None else translate(unknown(name), lang)


def selection_text(selection: int, lang: Lang = "en") -> str:
    """The selection sign: two bits for each reason, several reasons may stand together (order 268, 10.2.1.6)."""
    reasons = [
        f"{translate(reason, lang)} ({translate(_SELECTION_KINDS[selection >> 2 * place & 3], lang)})"
        for place, reason in enumerate(_SELECTION_REASONS)
        if selection >> 2 * place & 3
    ]
    return ", ".join(reasons) or translate(unknown(selection), lang)


def connection_text(connection: int, lang: Lang = "en") -> str:
    """The connection parameters: direction, and how the call was set up (order 268, 10.2.1.7)."""
    how = _CONNECTION_HOW.get(connection >> 4)
    way = _CONNECTION_DIRECTION.get(connection & 0xF)
    if how is None or way is None:
        return translate(unknown(connection), lang)
    return f"{translate(way, lang)}, {translate(how, lang)}"


def streams_text(bitmap: int, lang: Lang = "en") -> str:
    """The streams whose bit is set in 29h and 53h: those that work (order 268, 9.9.4.2)."""
    streams = ", ".join(str(stream) for stream in range(8) if bitmap >> stream & 1)
    working = Phrase("streams {streams}", "потоки {streams}", streams=streams)
    return translate(working if streams else Phrase("no stream", "ни одного потока"), lang)


def transfer_text(octet: int, lang: Lang = "en") -> str:
    """Octet 15 of 2Ch: direction, sign of selection, result of delivery (order 268, 9.12.4.4)."""
    parts = (
        (DIRECTIONS, octet & 3),
        (MESSAGE_SELECTIONS, octet >> MESSAGE_SELECTION_SHIFT & 3),
        (DELIVERIES, octet >> MESSAGE_DELIVERY_SHIFT & 3),
    )
    phrases = [translate(table.get(value, _RESERVE), lang) for table, value in parts]
    beyond = octet & 0xC0
    return ", ".join([*phrases, translate(unknown(beyond), lang)] if beyond else phrases)


def delivery_code_text(code: int, lang: Lang = "en") -> str:
    """Octet 16 of 2Ch, why it was not delivered: the order lists no values (9.12.4.5), FFh is none."""
    return translate(NOT_GIVEN, lang) if code == 0xFF else ""
