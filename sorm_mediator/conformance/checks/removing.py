"""Taking objects off control, and when control begins and ends (6.5.4, 6.5.7, 6.6)."""

from __future__ import annotations

from protocol.language import Phrase
from sorm_mediator.conformance.declaration import Need, check
from sorm_mediator.conformance.examiner import Examiner

CALLS = Need.CALLS


@check("6.5.4-1", "an object put on control during a call is controlled from the next call on",
       "объект, поставленный во время соединения, контролируется со следующего вызова", CALLS)  # fmt: skip
async def from_the_next_call_on(ex: Examiner) -> None:
    watch = await ex.target(ex.own(1))
    call = await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(watch, "number-received")
        await ex.event(watch, "answer")
    fields = ex.object_fields()
    await ex.executed("add-object", **fields)
    await ex.hang_up(call)
    await ex.ended(watch)
    text = Phrase("no event of the call that ran", "никаких сообщений о текущем соединении")
    number = fields["object_number"]
    await ex.nothing(text, lambda one: one.on_kpd2 and one.fields.get("object_number") == number)
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.event(number, "number-received")


@check("6.5.7-1", "a network number with its own sign is controlled",
       "номер ТфССОП со своим признаком контролируется", CALLS)  # fmt: skip
async def sign_fits(ex: Examiner) -> None:
    target = await ex.network_target()
    await ex.short_call(ex.own(0), ex.network)
    await ex.event(target, "number-received")
    await ex.event(target, "answer")
    await ex.event(target, "release")


@check("6.5.7-2", "leading digits with their own sign are controlled",
       "неполный номер ТфССОП со своим признаком контролируется", CALLS)  # fmt: skip
async def partial_fits(ex: Examiner) -> None:
    fields = ex.network_fields(object_type="network-partial")
    target = await ex.network_target(fields["number"][:7], object_type="network-partial")
    await ex.short_call(ex.own(0), ex.network)
    await ex.event(target, "number-received")
    await ex.event(target, "answer")
    await ex.event(target, "release")


@check("6.5.7-3", "a network number with another sign is not controlled",
       "номер ТфССОП с другим признаком не контролируется", CALLS)  # fmt: skip
async def sign_does_not_fit(ex: Examiner) -> None:
    watch = await ex.target()
    target = await ex.network_target(number_sign=ex.foreign_sign)
    await ex.short_call(ex.own(0), ex.network)
    await ex.ended(watch)
    await ex.no_events(target)


@check("6.5.7-4", "leading digits with another sign are not controlled",
       "неполный номер ТфССОП с другим признаком не контролируется", CALLS)  # fmt: skip
async def partial_does_not_fit(ex: Examiner) -> None:
    watch = await ex.target()
    fields = ex.network_fields()
    target = await ex.network_target(
        fields["number"][:7], object_type="network-partial", number_sign=ex.foreign_sign
    )
    await ex.short_call(ex.own(0), ex.network)
    await ex.ended(watch)
    await ex.no_events(target)


@check("6.6.3-1", "command 6 takes an object off the table", "команда 6 удаляет объект из таблицы")
async def remove(ex: Examiner) -> None:
    target = await ex.target()
    await ex.executed("remove-object", **target.identity)
    await ex.not_executed("get-objects", object_number=target.number)


@check("6.6.3-2", "after command 6 there are no events of the object",
       "после команды 6 сообщений об объекте нет", CALLS)  # fmt: skip
async def removed_is_silent(ex: Examiner) -> None:
    target, watch = await ex.target(), await ex.target(ex.own(1))
    await ex.executed("remove-object", **target.identity)
    await ex.short_call(ex.own(0), ex.own(1))
    await ex.ended(watch)
    await ex.no_events(target)


@check("6.6.3-3", "command 6 for an object that is not there: accepted, not executed",
       "команда 6 для отсутствующего объекта: принята, не выполнена")  # fmt: skip
async def remove_stranger(ex: Examiner) -> None:
    fields = ex.object_fields()
    names = ("object_number", "object_type", "number_sign", "number")
    await ex.not_executed("remove-object", **{name: fields[name] for name in names})


@check("6.6.4-1", "command 6 before the answer: 52h/05h, then no 42h and no 43h",
       "команда 6 до ответа: 52h/05h, далее без 42h и 43h", CALLS)  # fmt: skip
async def removed_before_answer(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    call = await ex.ringing_call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, "number-received", operation=0)
    await ex.executed("remove-object", **target.identity)
    await ex.event(target, "ksl-released", operation=5, ksl_a=group.a())
    await ex.hang_up(call)
    await ex.no_events(target)


@check("6.6.4-2", "command 6 after the answer: 52h/05h, then no 43h",
       "команда 6 после ответа: 52h/05h, далее без 43h", CALLS)  # fmt: skip
async def removed_after_answer(ex: Examiner) -> None:
    group = await ex.group()
    target = await ex.target(group=group)
    call = await ex.call(ex.own(0), ex.own(1))
    with ex.preparing():
        await ex.event(target, "number-received", operation=0)
        await ex.event(target, "answer")
    await ex.executed("remove-object", **target.identity)
    await ex.event(target, "ksl-released", operation=5, ksl_a=group.a())
    await ex.hang_up(call)
    await ex.no_events(target)


@check("6.6.5-1", "command 6 with another number than that of the object is refused",
       "команда 6 с номером, отличным от номера объекта, не выполняется")  # fmt: skip
async def remove_by_another_number(ex: Examiner) -> None:
    target = await ex.target()
    await ex.refused("remove-object", **{**target.identity, "number": ex.own(1)})


@check("6.6.5-2", "command 6 without an object number: 27h/01h", "команда 6 без условного номера: 27h/01h")
async def remove_nothing(ex: Examiner) -> None:
    target = await ex.target()
    await ex.rejected("remove-object", **{**target.identity, "object_number": None})
