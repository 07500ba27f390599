"""Commands of the technical means as a whole (order 268, 6.1-6.3, 6.14, 6.17).

1 start, 2 stop, 3 password, 14 test of the data channels, 17 version of the software.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocol.codes import Channel, StationType
from protocol.messages import (
    GetVersion,
    SetPassword,
    Start,
    Stop,
    Test,
    TestReplyKpd1,
    TestReplyKpd2,
    VersionInfo,
)
from sorm_mediator.mediator.core.commands.rule import (
    AnyRule,
    ByOption,
    CommandRule,
    Refusal,
    Verdict,
)
from sorm_mediator.mediator.core.means import DONE, NOT_DONE, Job, Means, OrmInput, Standing, WorkInput
from sorm_mediator.mediator.core.tables import PasswordChanged
from ssh_control.codes import ExtendedError

if TYPE_CHECKING:
    from sorm_mediator.mediator.core.switchside import Outcome


# --- command 1


def start(means: Means, job: Job[Start], now: float) -> int:
    """The means work from now on, under the number of the command (6.1.3)."""
    if not means.move(OrmInput.START, now, orm_number=job.command.orm_number):
        return NOT_DONE
    means.context.journal("started", stream=job.stream, peer=job.peer)
    return DONE


START: Final = CommandRule(
    message=Start,
    clause="6.1",
    execute=start,
    stopped=Verdict.TAKEN,
    started=Verdict.ALREADY_STARTED,
    moves=OrmInput.START,
)

# --- command 2


def stop(means: Means, job: Job[Stop], now: float) -> None:
    """The switch forgets the objects first, then lines are released (52h/06h), then the tables go (6.2.4). A mediator
    that has lost its switch can be stopped all the same."""

    def stopped(job: Job[Stop], outcome: Outcome, now: float) -> int:
        failure = means.failure(outcome, down_is_failure=False)
        if not failure and means.move(OrmInput.STOP, now):
            means.context.journal("stopped", stream=job.stream, peer=job.peer)
            return DONE
        # The switch forgot objects that stay; or a change that was ended for this command may have been done by it.
        means.switch.resynchronise(now)
        return failure or NOT_DONE

    means.ask(job, "clear", {}, stopped, now, work=WorkInput.STOP)


STOP: Final = CommandRule(
    message=Stop,
    clause="6.2",
    execute=stop,
    moves=OrmInput.STOP,
    standing=Standing.STOP,
)

# --- command 3


def unfit_password(means: Means, c: SetPassword) -> bool:
    """Six characters that option ``password_characters`` allows."""
    password = c.new_password
    if not isinstance(password, str) or len(password) != 6 or not password.isascii():
        return True
    printable_too = means.options.password_characters != "digits"  # nosec B105 # noqa: S105 - an option's value
    return not (password.isprintable() if printable_too else password.isdigit())


def set_password(means: Means, job: Job[SetPassword], now: float) -> int:
    """The new password is valid from the next command on."""
    return DONE if means.context.keep(PasswordChanged(str(job.command.new_password))) else NOT_DONE


SET_PASSWORD: Final = CommandRule(
    message=SetPassword,
    clause="6.3",
    execute=set_password,
    receipt=(
        Refusal(
            ExtendedError.WRONG_PARAMETERS,
            "new password is not six of the allowed characters",
            "7.4",
            unfit_password,
        ),
    ),
)


# --- command 14


def test(means: Means, job: Job[Test], now: float) -> int:
    """29h on every connected KPD1 (9.9.3), 53h on every connected KPD2 (11.7.3)."""
    context = means.context
    flip = 0xFF if means.options.bitmap_polarity == "0=in service" else 0
    number = job.command.test_number
    kpd1, kpd2 = (context.channels.bitmap(channel) ^ flip for channel in (Channel.KPD1, Channel.KPD2))
    for stream in context.channels.connected[Channel.KPD1]:
        context.kpd1(stream, TestReplyKpd1, test_number=number, kpd1_state=kpd1, kpd2_state=kpd2)
    for stream in context.channels.connected[Channel.KPD2]:
        context.kpd2(TestReplyKpd2(number, kpd1, kpd2, orm_number=context.orm_number), stream=stream)
    return DONE


TEST: Final = CommandRule(
    message=Test,
    clause="6.14",
    execute=test,
    stopped=ByOption("test_while_stopped", "on"),
    standing=Standing.AT_ANY_MOMENT,
)

# --- command 17


def get_version(means: Means, job: Job[GetVersion], now: float) -> int:
    """2Bh: the configured text and the kind of node."""
    config = means.config
    kind = StationType(config.station_type)
    means.context.kpd1(job.stream, VersionInfo, version=config.software_version, station_type=kind)
    return DONE


GET_VERSION: Final = CommandRule(
    message=GetVersion, clause="6.17", execute=get_version, stopped=ByOption("version_before_start", "allow")
)

RULES: Final[tuple[AnyRule, ...]] = (START, STOP, SET_PASSWORD, TEST, GET_VERSION)
