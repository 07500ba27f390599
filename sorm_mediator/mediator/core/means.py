"""The technical means of ORM: their state, and the one command that they are busy with.

Three tables: :data:`ORM_TABLE` (started or stopped), :data:`WORK_TABLE` (what a command in progress does) and
:data:`TURNS` (what happens to a command that comes meanwhile: order 268, 7.1, 7.2). A command that was accepted is a
:class:`Job` until its 28h. One job at a time takes longer than its receipt.
:class:`Means` holds it all: the rules of the commands look at it and change it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from protocol.codes import Channel
from protocol.messages import Command
from sorm_mediator.mediator.core.calls.kpd2_events import BY_FAULT, BY_STOP
from sorm_mediator.mediator.core.effects import NO_CAUSE, Cause
from sorm_mediator.mediator.core.switchside import Missing, Outcome, SwitchSide
from sorm_mediator.mediator.core.tables import Started, Stopped
from ssh_control.codes import ExtendedError
from ssh_control.moves import Move, StateTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from protocol import Message
    from sorm_mediator.config import MediatorConfig
    from sorm_mediator.config.capacity import Capacity
    from sorm_mediator.mediator.core.calls.calls import Calls
    from sorm_mediator.mediator.core.calls.ksl_pool import KslPool
    from sorm_mediator.mediator.core.context import Context
    from sorm_mediator.options import MediatorOptions


C = TypeVar("C", bound=Command, covariant=True)

DONE: Final = 0x00
NOT_DONE: Final = 0x01
"""28h: executed, not executed (order 268, 9.8.4.2)."""
BUSY: Final = ExtendedError.PREVIOUS_COMMAND_RUNNING
"""Extended 27h: another command runs. Our choice: the manual has no code for it."""
INTERRUPTED: Final = ExtendedError.INTERRUPTED_BY_CONSOLE
"""Extended 28h: the console interrupted the command (likewise)."""
MESSAGES_AT_ONCE: Final = 64
"""Messages of a table sent at once; the next ones go when the channel has taken these."""


class OrmState(Enum):
    """State of the technical means (order 268, 6.1, 6.2)."""

    STOPPED = "stopped"
    STARTED = "started"


class OrmInput(Enum):
    """What changes the state of the technical means."""

    START = "command 1"
    STOP = "command 2"
    TABLES_LOST = "the tables are lost (21h/01h)"
    RESTART = "the node restarts"


class OrmAction(Enum):
    """What is done in a move of the technical means."""

    KEEP_NUMBER = "keep the number of command 1"
    RELEASE_LINES = "release all lines, report no call any more"
    CLEAR_TABLES = (
        "delete the tables, take the first password (options stop_clears_groups, stop_resets_password)"
    )
    INITIAL_STATE = "enter the initial state"
    SYNCHRONISE = "synchronise the switch"


_ALL_LOST: Final = (OrmAction.RELEASE_LINES, OrmAction.INITIAL_STATE, OrmAction.SYNCHRONISE)
ORM_TABLE: Final[StateTable[OrmState, OrmInput, OrmAction]] = MappingProxyType(
    {
        (OrmState.STOPPED, OrmInput.START): Move(OrmState.STARTED, (OrmAction.KEEP_NUMBER,)),
        (OrmState.STARTED, OrmInput.STOP): Move(
            OrmState.STOPPED, (OrmAction.RELEASE_LINES, OrmAction.CLEAR_TABLES)
        ),
        (OrmState.STARTED, OrmInput.TABLES_LOST): Move(OrmState.STOPPED, _ALL_LOST),
        (OrmState.STOPPED, OrmInput.TABLES_LOST): Move(OrmState.STOPPED, _ALL_LOST),
        (OrmState.STARTED, OrmInput.RESTART): Move(OrmState.STOPPED, _ALL_LOST),
        (OrmState.STOPPED, OrmInput.RESTART): Move(OrmState.STOPPED, _ALL_LOST),
    }
)
"""Order 268, 6.1, 6.2, 9.1.4.1, 9.2.4. The other pairs do not happen: command 1 while started and command 2 while
stopped are refused."""

RELEASE_REASONS: Final[Mapping[OrmInput, int | None]] = MappingProxyType(
    {OrmInput.STOP: BY_STOP, OrmInput.TABLES_LOST: BY_FAULT, OrmInput.RESTART: None}
)
"""Operation of the 52h by which lines are released; None: nothing is sent."""


class Standing(Enum):
    """How a command stands to another one that is running (order 268, 7.1, 7.2)."""

    IN_TURN = "any other command"
    AT_ANY_MOMENT = "command 7, 8 or 14"
    INTERRUPT = "command 13"
    STOP = "command 2"


class Work(Enum):
    """What the means are busy with: one command at a time."""

    IDLE = "idle"
    CHANGING = "waiting for the switch (5, 6, 15)"
    ASKING = "waiting for the switch (12, 16)"
    OUTPUT = "sending a table (10, 11, 12, 16)"
    STOPPING = "waiting for the switch (2)"


class WorkInput(Enum):
    """What a command that is executed does next."""

    CHANGE = "asks the switch for a change"
    ASK = "asks the switch for data"
    STOP = "asks the switch to forget all objects"
    OUTPUT = "sends a table"
    END = "ends"


WORK_TABLE: Final[Mapping[tuple[Work, WorkInput], Work]] = MappingProxyType(
    {
        (Work.IDLE, WorkInput.CHANGE): Work.CHANGING,
        (Work.IDLE, WorkInput.ASK): Work.ASKING,
        (Work.IDLE, WorkInput.STOP): Work.STOPPING,
        (Work.IDLE, WorkInput.OUTPUT): Work.OUTPUT,
        (Work.ASKING, WorkInput.OUTPUT): Work.OUTPUT,
        (Work.CHANGING, WorkInput.END): Work.IDLE,
        (Work.ASKING, WorkInput.END): Work.IDLE,
        (Work.OUTPUT, WorkInput.END): Work.IDLE,
        (Work.STOPPING, WorkInput.END): Work.IDLE,
    }
)
"""Other pairs do not happen: :data:`TURNS` lets no second command begin such work."""


class Turn(Enum):
    """What happens to a command by what the means are busy with."""

    EXECUTE = "executed"
    WAIT = (
        "taken when the running one has ended (option command_while_busy = refuse: 27h/01h, extended 27h/2Dh)"
    )
    END_RUNNING = "executed: the running command ends with 28h/01h (extended: 28h/21h) first"
    NOTHING_TO_INTERRUPT = "28h/01h (extended: 28h/39h)"


TURNS: Final[Mapping[tuple[Work, Standing], Turn]] = MappingProxyType(
    {
        (Work.IDLE, Standing.IN_TURN): Turn.EXECUTE,
        (Work.IDLE, Standing.AT_ANY_MOMENT): Turn.EXECUTE,
        (Work.IDLE, Standing.INTERRUPT): Turn.NOTHING_TO_INTERRUPT,
        (Work.IDLE, Standing.STOP): Turn.EXECUTE,
        (Work.CHANGING, Standing.IN_TURN): Turn.WAIT,
        (Work.CHANGING, Standing.AT_ANY_MOMENT): Turn.EXECUTE,
        (Work.CHANGING, Standing.INTERRUPT): Turn.NOTHING_TO_INTERRUPT,
        (Work.CHANGING, Standing.STOP): Turn.END_RUNNING,
        (Work.ASKING, Standing.IN_TURN): Turn.WAIT,
        (Work.ASKING, Standing.AT_ANY_MOMENT): Turn.EXECUTE,
        (Work.ASKING, Standing.INTERRUPT): Turn.END_RUNNING,
        (Work.ASKING, Standing.STOP): Turn.END_RUNNING,
        (Work.OUTPUT, Standing.IN_TURN): Turn.WAIT,
        (Work.OUTPUT, Standing.AT_ANY_MOMENT): Turn.EXECUTE,
        (Work.OUTPUT, Standing.INTERRUPT): Turn.END_RUNNING,
        (Work.OUTPUT, Standing.STOP): Turn.END_RUNNING,
        (Work.STOPPING, Standing.IN_TURN): Turn.WAIT,
        (Work.STOPPING, Standing.AT_ANY_MOMENT): Turn.EXECUTE,
        (Work.STOPPING, Standing.INTERRUPT): Turn.NOTHING_TO_INTERRUPT,
        (Work.STOPPING, Standing.STOP): Turn.WAIT,
    }
)
"""By what the means do and how the command that comes stands to it."""


@dataclass(slots=True)
class Table:
    """An answer that is a table: ``kind`` with each of the ``rows`` as its fields."""

    kind: Callable[..., Message]
    rows: Iterator[Mapping[str, Any]]
    total: int
    """Messages that it takes."""
    sent: int = 0
    moved: float = 0.0
    """When the channel took the last of it."""


@dataclass(slots=True, eq=False)
class Job(Generic[C]):
    """A command that was accepted and is not done yet."""

    command: C
    stream: int
    session: int
    """Of the connection that the command came by: its 28h goes there or nowhere."""
    peer: str
    output: Table | None = None
    cause: Cause = NO_CAUSE


class Means:
    """What the rules of commands look at and change. ``finish`` ends a command that was not done at once."""

    def __init__(
        self, context: Context, pool: KslPool, calls: Calls, switch: SwitchSide, capacity: Capacity | None
    ) -> None:
        self.context = context
        self.tables = context.tables
        self.pool = pool
        self.calls = calls
        self.switch = switch
        self.capacity = capacity
        self.work = Work.IDLE
        self.job: Job[Command] | None = None
        """The command that the means are busy with; None while they are idle."""
        self.finish: Callable[[Job[Command], int], None]

    @property
    def config(self) -> MediatorConfig:
        """The settings that hold now."""
        return self.context.config

    @property
    def options(self) -> MediatorOptions:
        """The options that hold now."""
        return self.context.config.options

    @property
    def state(self) -> OrmState:
        """Started or stopped."""
        return OrmState.STARTED if self.tables.started else OrmState.STOPPED

    def turn(self, standing: Standing) -> Turn:
        """What happens now to a command of this standing."""
        return TURNS[self.work, standing]

    # --- the state

    def move(self, cause: OrmInput, now: float, *, orm_number: int | None = None) -> bool:
        """Do what :data:`ORM_TABLE` has for ``cause``. ``orm_number``: that of command 1 (order 268, 6.1.3).

        Returns False when the disk refuses what command 1 or 2 changes: then nothing is done."""
        move = ORM_TABLE[self.state, cause]
        change = self._change_by_command(cause, orm_number)
        if change is not None and not self.context.durable(change):
            return False
        for action in move.actions:
            match action:
                case OrmAction.KEEP_NUMBER if change is not None:
                    self.tables.apply(change)
                case OrmAction.RELEASE_LINES:
                    self.calls.stop(RELEASE_REASONS[cause], now)
                case OrmAction.CLEAR_TABLES if change is not None:
                    self.context.line_states.clear()
                    self.tables.apply(change)
                case OrmAction.INITIAL_STATE:
                    self.enter_initial_state()
                case OrmAction.SYNCHRONISE:
                    self.switch.resynchronise(now)
        if self.state is not move.next:
            raise RuntimeError(f"the means are {self.state.value} after {cause.value}")
        return True

    def _change_by_command(self, cause: OrmInput, orm_number: int | None) -> Started | Stopped | None:
        """Order 268, 6.1.3, 6.2.3, 6.2.4; None: no command is the cause."""
        if cause is OrmInput.START:
            return Started(orm_number)
        if cause is not OrmInput.STOP:
            return None
        options = self.options
        reset = options.stop_resets_password == "on"  # nosec B105 # noqa: S105 - an option's value
        password = self.config.password.get_secret_value() if reset else None
        return Stopped(options.stop_clears_groups == "on", password)

    def enter_initial_state(self) -> None:
        """Stopped, the first password, empty tables (order 268, 9.2.4)."""
        tables, first = self.tables, self.config.password.get_secret_value()
        if tables.started or tables.objects or tables.groups or tables.password != first:
            self.context.owe(Stopped(True, first))
        self.context.line_states.clear()

    def set_work(self, job: Job[Command], cause: WorkInput) -> None:
        """``job`` does something else, or ends."""
        self.work = WORK_TABLE[self.work, cause]
        self.job = None if self.work is Work.IDLE else job
        if self.job is None:
            job.output = None

    # --- what executors use

    def extended(self, code: int, order: int = NOT_DONE) -> int:
        """The status in the error style that is configured."""
        return code if self.config.extended_errors else order

    def send_table(self, job: Job[Command], table: Table, now: float) -> None:
        """Begin to send a table; its first messages go at once."""
        self.set_work(job, WorkInput.OUTPUT)
        job.output = table
        self.advance(job, now)

    @property
    def deadline(self) -> float | None:
        """When the table that is being sent has not moved for too long (option ``output_timeout``)."""
        table = None if self.job is None else self.job.output
        timeout = self.options.output_timeout
        return table.moved + timeout if table is not None and timeout else None

    def advance(self, job: Job[Command], now: float) -> None:
        """Send the next messages of a table; after the last one the command is done. Where nothing may be sent the
        rest is deleted (order 268, 1.4.1.1, 6.14.3)."""
        table = job.output
        if table is None:
            return
        self.context.cause = job.cause
        if job.stream not in self.context.channels.connected[Channel.KPD1]:
            self.context.counters["outputs_abandoned"] += 1
            self.finish(job, NOT_DONE)
            return
        table.moved = now
        for fields in islice(table.rows, MESSAGES_AT_ONCE):
            table.sent += 1
            self.context.kpd1(job.stream, table.kind, total=table.total, index=table.sent, **fields)
        if table.sent >= table.total:
            self.finish(job, DONE)

    def ask(
        self,
        job: Job[C],
        op: str,
        params: Mapping[str, object],
        then: Callable[[Job[C], Outcome, float], int | None],
        now: float,
        *,
        work: WorkInput = WorkInput.CHANGE,
    ) -> None:
        """Ask the switch and go on with ``then``, unless the command has been ended meanwhile."""
        self.set_work(job, work)

        def done(outcome: Outcome, now: float) -> None:
            if self.job is not job:
                return
            status = then(job, outcome, now)
            if status and isinstance(outcome, Missing):  # a refusal has its reason in the line of the reply
                what = f"{job.cause.id} {type(job.command).message_name}".strip()
                self.context.log("info", f"{what}: not executed ({status:02X}h): {outcome.value}")
            if status is not None:
                self.finish(job, status)

        self.switch.ask(op, params, done, now)

    def not_kept(self, now: float) -> int:
        """The status of 28h when the disk refuses what the switch has done already: the switch is put back."""
        self.switch.resynchronise(now)
        return NOT_DONE

    def failure(self, outcome: Outcome, *, down_is_failure: bool = True) -> int:
        """The status of 28h that this outcome of a question means; 0 for success."""
        if outcome is Missing.DOWN:
            return NOT_DONE if down_is_failure else DONE
        if isinstance(outcome, Missing):
            return NOT_DONE
        if outcome.ok:
            return DONE
        code = outcome.code
        return self.extended(code) if isinstance(code, int) and 0x10 <= code <= 0xFE else NOT_DONE
