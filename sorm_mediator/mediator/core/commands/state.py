"""Commands 1, 2 and 3: start, stop, password (order 268, 6.1-6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from protocol.messages import SetPassword, Start, Stop
from sorm_mediator.mediator.core.calls.kpd2_events import BY_STOP
from sorm_mediator.mediator.core.commands.rule import PARAMETERS, CommandRule, Refusal, Verdict
from sorm_mediator.mediator.core.means import DONE, Job, Means, OrmState, Standing, Work
from sorm_mediator.mediator.core.tables import PasswordChanged

if TYPE_CHECKING:
    from sorm_mediator.mediator.core.switchside import Outcome

# --- command 1


def start(means: Means, job: Job[Start], now: float) -> int:
    """The means work from now on, under the number of the command (6.1.3)."""
    means.start(job.command.orm_number)
    means.context.journal("started", stream=job.stream, peer=job.peer)
    return DONE


START: Final = CommandRule(
    message=Start,
    clause="6.1",
    execute=start,
    stopped=Verdict.TAKEN,
    started=Verdict.ALREADY_STARTED,
    leads_to=OrmState.STARTED,
)

# --- command 2


def stop(means: Means, job: Job[Stop], now: float) -> None:
    """The switch forgets the objects first; a mediator that has lost its switch can be stopped all the same."""
    means.ask(
        job, "clear", {}, lambda job, outcome, now: stopped(means, job, outcome, now), now, work=Work.STOPPING
    )


def stopped(means: Means, job: Job[Stop], outcome: Outcome, now: float) -> int:
    """The switch has answered: lines are released (52h/06h), then the tables go (6.2.4)."""
    failure = means.failure(outcome, down_is_failure=False)
    if not failure:
        means.stop(BY_STOP, now)
        means.context.journal("stopped", stream=job.stream, peer=job.peer)
    else:
        # A change that was ended for this command may have been done by the switch all the same.
        means.switch.resynchronise(now)
    return failure


STOP: Final = CommandRule(
    message=Stop,
    clause="6.2",
    execute=stop,
    leads_to=OrmState.STOPPED,
    standing=Standing.STOP,
)

# --- command 3


def unfit_password(means: Means, c: SetPassword) -> bool:
    """Six characters that option ``password_characters`` allows."""
    password = c.new_password
    if not isinstance(password, str) or len(password) != 6 or not password.isascii():
        return True
    printable_too = means.options.password_characters != "digits"  # noqa: S105 - an option's value
    return not (password.isprintable() if printable_too else password.isdigit())


def set_password(means: Means, job: Job[SetPassword], now: float) -> int:
    """The new password is valid from the next command on."""
    means.context.store(PasswordChanged(str(job.command.new_password)))
    return DONE


SET_PASSWORD: Final = CommandRule(
    message=SetPassword,
    clause="6.3",
    execute=set_password,
    receipt=(
        Refusal(
            PARAMETERS,
            "new password is not six of the allowed characters",
            "новый пароль — не шесть допустимых символов",
            "7.4",
            unfit_password,
        ),
    ),
)

RULES: Final[tuple[CommandRule[Any], ...]] = (START, STOP, SET_PASSWORD)
