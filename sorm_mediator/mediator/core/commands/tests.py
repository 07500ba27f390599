"""Commands 14 and 17: the data channels are tested, the software names its version (order 268, 6.14, 6.17)."""

from __future__ import annotations

from typing import Any, Final

from protocol.codes import Channel, StationType
from protocol.messages import GetVersion, Test, TestReplyKpd1, TestReplyKpd2, VersionInfo
from sorm_mediator.mediator.core.commands.rule import ByOption, CommandRule
from sorm_mediator.mediator.core.means import DONE, Job, Means, Standing

# --- command 14


def test(means: Means, job: Job[Test], now: float) -> int:
    """29h on every connected KPD1 (9.9.3), 53h on every connected KPD2 (11.7.3)."""
    context = means.context
    flip = 0xFF if means.options.bitmap_polarity == "0=in service" else 0
    number = job.command.test_number
    kpd1, kpd2 = (context.channels.bitmap(channel) ^ flip for channel in (Channel.KPD1, Channel.KPD2))
    for stream in context.channels.connected(Channel.KPD1):
        context.kpd1(stream, TestReplyKpd1, test_number=number, kpd1_state=kpd1, kpd2_state=kpd2)
    for stream in context.channels.connected(Channel.KPD2):
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
    means.context.kpd1(
        job.stream,
        VersionInfo,
        version=config.software_version,
        station_type=StationType(config.station_type),
    )
    return DONE


GET_VERSION: Final = CommandRule(
    message=GetVersion, clause="6.17", execute=get_version, stopped=ByOption("version_before_start", "allow")
)

RULES: Final[tuple[CommandRule[Any], ...]] = (TEST, GET_VERSION)
