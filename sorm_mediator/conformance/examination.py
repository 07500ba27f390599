"""An examination: the state of the mediator is read, the checks run, the state is put back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sorm_mediator.conformance.declaration import Check, Result
from sorm_mediator.conformance.dialogue import OBJECT, Reply, identity
from sorm_mediator.conformance.examiner import Examiner
from sorm_mediator.conformance.verdicts import (
    FAIL,
    INTERRUPTED,
    NOT_TESTED,
    Failed,
    Record,
    Unprepared,
    Untested,
    Verdict,
)
from sorm_mediator.console.errors import ConnectError, NotReadyError, words
from sorm_mediator.console.interrupt import carry_through
from sorm_mediator.language import Phrase

log = logging.getLogger(__name__)
OVERALL = "messages"
"""The module of the checks over all received messages."""
BEFORE_START = (("rejected", 0x02), ("rejected", 0x17))
"""The answer to a command before start: by the order, and with the vendor's code."""


@dataclass(slots=True)
class Before:
    """The state before the examination, which is put back afterwards."""

    running: bool = False
    objects: list[dict[str, Any]] = field(default_factory=list)
    """The fields of command 5 of every object."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The fields of command 4 of every line of a group."""


@dataclass(slots=True)
class Identity:
    """The node as reported by message 11; empty if the message did not come."""

    version: str = ""
    station_type: str = ""


class Examination:
    """Runs checks against one mediator."""

    def __init__(self, examiner: Examiner, *, may_stop: bool = False) -> None:
        self.ex = examiner
        self.before = Before()
        self.identity = Identity()
        self.results: list[Result] = []
        self.not_restored = ""
        """The changes that could not be put back, in words."""
        self._may_stop = may_stop

    async def run(self, checks: Sequence[Check], seen: Callable[[Result], object] = lambda _: None) -> None:
        """Carry the checks out and put everything back, even if the run is cancelled.

        ``seen`` gets the result of every finished check.

        Raises :class:`ConnectError` if no mediator answers, :class:`NotReadyError` if the mediator refuses
        the examiner.
        """
        try:
            await self._arrive()
        except BaseException as ended:
            if isinstance(ended, asyncio.CancelledError):
                self._give_up(checks)
            if self.ex.may_stop and not self.before.running and self.ex.client.connected:
                await carry_through(self._leave())  # The technical means may be started already.
            else:
                await self.ex.client.close()
            raise
        try:
            # The checks over all messages run last.
            for check in sorted(checks, key=lambda one: one.subject == OVERALL):
                result = await self._one(check)
                self.results.append(result)
                seen(result)
            self.results.sort(key=lambda one: one.check.place)
            self._reconsider()
        except asyncio.CancelledError:
            self._give_up(checks)
            raise
        finally:
            await carry_through(self._leave())

    def _give_up(self, checks: Sequence[Check]) -> None:
        """The remaining checks are not tested: the run was interrupted."""
        done = {result.check.id for result in self.results}
        self.results += [
            Result(check=one, verdict=NOT_TESTED, why=INTERRUPTED) for one in checks if one.id not in done
        ]
        self.results.sort(key=lambda one: one.check.place)

    # --- before

    async def _arrive(self) -> None:
        ex = self.ex
        await ex.client.connect()
        try:
            reply = await ex.command("get-ksl")
            outcome, status = reply.outcome
            if outcome == "silent":
                raise ConnectError(f"{ex.client.host}: the mediator does not answer a command")
            if reply.outcome in BEFORE_START:
                await self._begin_stopped()
            else:
                self._let_in(status, "the password is not the one in force: --password-env, --ask-password")
                await self._begin_running(reply)
        except Failed as failed:
            raise ConnectError(str(failed.why)) from None
        await self._identify()

    async def _begin_stopped(self) -> None:
        ex = self.ex
        ex.may_stop = True
        outcome, status = (await ex.command("start")).outcome
        if outcome != "executed":
            self._let_in(status, "command 1 needs the first password: --password-env, --ask-password")
            raise ConnectError(f"{ex.client.host}: command 1 is not executed ({outcome}, {status:02X}h)")

    @staticmethod
    def _let_in(status: int, wrong_password: str) -> None:
        """Raises :class:`NotReadyError` if a command was refused for its password or number."""
        if status == 0x03:
            raise NotReadyError(wrong_password)
        if status in (0x05, 0x18):
            raise NotReadyError("the number of the technical means is another one: --orm-number")

    async def _begin_running(self, groups: Reply) -> None:
        ex = self.ex
        ex.running = self.before.running = True
        ex.may_stop = self._may_stop
        if groups.outcome[0] == "executed":
            self.before.rows = [
                {name: row[name] for name in ("ksl_group", "group_type", "ksl_a", "ksl_b")}
                for unit in groups.data
                for row in unit.fields.get("rows", ())
                if row.get("ksl_group") is not None and row.get("ksl_a") is not None
            ]
        objects = await ex.command("get-objects")
        if objects.outcome[0] == "executed":
            self.before.objects = [
                {name: unit.fields.get(name) for name in OBJECT}
                for unit in objects.data
                if unit.name == "object-info"
            ]
        ex.taken_objects |= {fields["object_number"] for fields in self.before.objects}
        ex.controlled_before = {
            fields["number"] or fields["trunk"]: fields["object_number"] for fields in self.before.objects
        }
        ex.taken_groups |= {row["ksl_group"] for row in self.before.rows}
        for row in self.before.rows:
            ex.taken_lines |= {(k["stream"], k["ksl"]) for k in (row["ksl_a"], row["ksl_b"]) if k}
        if ex.may_stop and self.before.objects:
            await self._afresh()  # numbers under control may be those of the checks

    async def _identify(self) -> None:
        ex = self.ex
        if ex.terms.order != "268":
            return
        unit = (await ex.command("get-version")).first("version-info")
        if unit is not None:
            ex.node_type = unit.fields.get("station_type")
            self.identity = Identity(str(unit.fields.get("version") or ""), str(ex.node_type or ""))

    # --- one check

    async def _one(self, check: Check) -> Result:
        ex = self.ex
        result = Result(check=check)
        why = check.missing(ex)
        if why is not None:
            result.verdict, result.why = NOT_TESTED, why
            return result
        ex.begin(result)
        began = time.monotonic()
        try:
            await ex.connect()
            if not ex.running:
                await ex.prepare("start")
            await check.dialogue(ex)
        except Verdict as ended:
            result.verdict, result.why, result.option = ended.verdict, ended.why, ended.option
            result.unprepared = isinstance(ended, Unprepared)
        except ConnectError as error:
            result.verdict, result.why = FAIL, str(error)
        except (LookupError, TypeError, ValueError, AssertionError) as error:
            # An examined mediator may send anything, for example a message without a required field.
            log.debug("%s", check.id, exc_info=True)
            shown = f"{type(error).__name__} {error}".strip()
            result.verdict = FAIL
            result.why = Phrase("what came can't be read: {error}", error=shown)
        finally:
            result.ms = ex.measured if ex.measured is not None else _span(result, began)
            await carry_through(self._clean(result))
        return result

    async def _clean(self, result: Result) -> None:
        """Undo the changes of a check one by one, or else by a stop where stops are allowed."""
        ex = self.ex
        if result.verdict == FAIL or result.unprepared:
            _not_called(result, await ex.not_called())
        # After a refused access, message 26h may still come.
        await_access = any(one.fields["status"] in (0x03, 0x05) for one in ex.came("command-executed"))
        ex.end()
        try:
            await ex.all_over()
        except Untested as untested:
            if result.verdict != NOT_TESTED or result.unprepared:
                _not_called(result, untested.why)
        await ex.close_others()
        try:
            await ex.connect()
            clean = await self._take_back(
                failed=result.verdict == FAIL, unprepared=result.unprepared, await_access=await_access
            )
            if not clean and ex.may_stop:
                await self._afresh()
        except (ConnectError, Failed):
            # The next check reports the failure: it connects and starts before it begins.
            return

    async def _take_back(
        self, *, failed: bool = False, unprepared: bool = False, await_access: bool = False
    ) -> bool:
        ex = self.ex
        clean = True
        if ex.client.orm_number != ex.orm_number:
            return False
        if ex.client.password != ex.password_before and ex.running:
            clean &= await self._done("set-password", new_password=ex.password_before)
        doubtful = ex.doubtful if failed or unprepared else []
        if ex.undone and not ex.running:
            await ex.command("start")
        for fields in list(ex.objects.values()):
            clean &= await self._remove_object(fields)
        for fields in list(ex.in_groups):
            clean &= await self._remove_line(fields)
        for name, fields in [*doubtful, *ex.undone]:
            await (self._remove_object(fields) if name == "add-object" else self._remove_line(fields))
        if await_access and ex.running:
            await ex.command("test", test_number=0)  # pending messages come before its answer
        return clean and not failed

    async def _remove_object(self, fields: dict[str, Any]) -> bool:
        done = await self._done("remove-object", **identity(fields))
        if not done:
            self.ex.objects.pop(fields["object_number"], None)
        return done

    async def _remove_line(self, fields: dict[str, Any]) -> bool:
        names = ("ksl_group", "ksl_a", "ksl_b")
        return await self._done("remove-ksl", **{name: fields.get(name) for name in names})

    async def _done(self, name: str, **fields: Any) -> bool:
        return (await self.ex.command(name, **fields)).outcome[0] == "executed"

    async def _afresh(self) -> None:
        """Stop and start, so that the tables are empty again."""
        ex = self.ex
        await self._halt()
        for password in self._passwords():
            if (await ex.command("start", password=password)).outcome[0] == "executed":
                ex.client.password = password
                break
        if ex.client.password != ex.password_before:
            await self._done("set-password", new_password=ex.password_before)

    def _passwords(self) -> list[str]:
        """Every password that may be in force."""
        ex = self.ex
        return list(dict.fromkeys((ex.client.password, ex.password_before, ex.first_password, *ex.passwords)))

    async def _halt(self) -> bool:
        """Stop with each number and password that may be in force; whether a stop succeeded."""
        ex = self.ex
        stopped = False
        for number in dict.fromkeys((ex.client.orm_number, ex.orm_number)):
            for password in self._passwords():
                if not stopped:
                    reply = await ex.command("stop", orm_number=number, password=password)
                    stopped = reply.outcome[0] == "executed" or reply.outcome in BEFORE_START
        ex.emptied()
        ex.client.password, ex.client.orm_number = ex.first_password, ex.orm_number
        return stopped

    def _reconsider(self) -> None:
        """A failed preparation counts as a failure if no check failed by the same fault."""
        if any(result.verdict == FAIL for result in self.results):
            return
        for result in self.results:
            if result.unprepared:
                result.verdict = FAIL

    # --- after

    async def _leave(self) -> None:
        """Put the state back: stopped or started, the password, the former objects and groups."""
        ex = self.ex
        ex.begin(Record())
        try:
            if ex.caller is not None:
                await ex.all_over()
                await ex.caller.close()
            await ex.close_others()
            await ex.connect()
            await self._take_back()
            await self._state_as_before()
        except (ConnectError, Verdict) as error:
            self.not_restored = words(error)
        finally:
            ex.end()
            await ex.client.close()

    async def _state_as_before(self) -> None:
        ex, before = self.ex, self.before
        if not before.running:
            stopped = not ex.running and (await ex.command("get-ksl")).outcome in BEFORE_START
            if not stopped and not await self._halt():
                self.not_restored = Phrase("it is still started")
            return
        if not ex.running:
            await ex.command("start")
        wanted: list[tuple[str, str, dict[str, Any]]] = []
        if ex.client.password != ex.password_before:
            wanted.append(("password", "set-password", {"new_password": ex.password_before}))
        if ex.tables_gone:
            wanted += [(f"KSL group {row['ksl_group']}", "add-ksl", row) for row in before.rows]
            wanted += [(str(one["object_number"]), "add-object", one) for one in before.objects]
        problems = [what for what, name, fields in wanted if not await self._done(name, **fields)]
        if problems:
            self.not_restored = Phrase("could not be put back: {what}", what=", ".join(problems))


def _not_called(result: Result, why: str | None) -> None:
    """A call that was not made leaves its check untested, even if the check failed because of it."""
    if why is not None:
        result.verdict, result.why, result.option, result.unprepared = NOT_TESTED, why, "", False


def _span(result: Result, began: float) -> float:
    """Milliseconds of a dialogue: from its first unit after the preparation to its last."""
    times = [one.time for one in result.units if not one.prepared]
    return (max(times) - min(times)) * 1000 if times else (time.monotonic() - began) * 1000
