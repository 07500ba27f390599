"""Electronic messages that objects send or receive: message reports in, 2Ch out (order 268, 9.12).

Each object that a message touches gets its own set of 2Ch; several 2Ch of one set repeat everything but the text
(9.12.4.17, 9.12.4.18). Order 70 has no such message: what would be sent is counted.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from protocol import codes
from protocol.messages import ElectronicMessage
from protocol.messagetext import encode_message_text, split_message_text
from protocol.values import Party

if TYPE_CHECKING:
    from radius.report import Match, MessageReport
    from sorm_mediator.mediator.core.context import Context
    from sorm_mediator.mediator.core.tables import ControlledObject

REMEMBERED: Final = 4096
"""Messages that are remembered, so that a report that comes again sends nothing."""

SELECTED: Final = {
    "a": (codes.MESSAGE_SENT, codes.MESSAGE_BY_SENDER_NUMBER),
    "a-imsi": (codes.MESSAGE_SENT, codes.MESSAGE_BY_SENDER_IMSI),
    "b": (codes.MESSAGE_RECEIVED, codes.MESSAGE_BY_RECEIVER_NUMBER),
    "b-imsi": (codes.MESSAGE_RECEIVED, codes.MESSAGE_BY_RECEIVER_IMSI),
}
"""Direction, and what selected the message, by the role of a match. Table 1 of 9.12.4.4 has no sign for a trunk: the
number of its side is shown."""
DELIVERY: Final = {
    None: codes.MESSAGE_DELIVERY_UNKNOWN,
    True: codes.MESSAGE_DELIVERED,
    False: codes.MESSAGE_NOT_DELIVERED,
}


class ElectronicMessages:
    """Tells the console of the messages of objects."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reported: OrderedDict[tuple[str, str], None] = OrderedDict()

    def report(self, report: MessageReport) -> None:
        """A message was sent: 2Ch for each object of ours that it touches."""
        context, key = self._context, (report.domain, report.message_id)
        if not context.tables.started:
            context.counters["messages_while_stopped"] += 1
        elif key in self._reported:
            context.counters["messages_again"] += 1
        elif context.config.order != "268":
            context.counters["messages_unknown_to_the_order"] += 1
        else:
            self._reported[key] = None
            if len(self._reported) > REMEMBERED:
                self._reported.popitem(last=False)
            touched = [
                (row, match)
                for match in report.matches
                if (row := context.tables.objects.get(match.object_number)) is not None
            ]
            if not touched:
                context.counters["messages_without_object"] += 1
            for row, match in touched:
                self._send(report, row, match)

    def _send(self, report: MessageReport, row: ControlledObject, match: Match) -> None:
        context, numbers = self._context, self._context.numbers
        role = match.role if match.role in SELECTED else ("a" if report.sender.trunk == row.trunk else "b")
        sender, receiver = numbers.plain(report.sender), numbers.plain(report.receiver)
        if row.given is not None and match.role == "a":
            sender = row.given
        if row.given is not None and match.role == "b":
            receiver = row.given
        reason = context.options.message_non_delivery if report.delivered is False else None
        coding = context.options.message_text
        parts = split_message_text(
            encode_message_text(report.text, coding), coding, codes.MESSAGE_TEXT_OCTETS
        )
        for index, part in enumerate(parts, 1):
            context.unsolicited(
                ElectronicMessage,
                total=len(parts),
                index=index,
                object_number=row.object_number,
                object_type=row.object_type,
                sender=sender,
                delivery_state=codes.transfer_parameters(*SELECTED[role], DELIVERY[report.delivered]),
                delivery_code=codes.ABSENT
                if reason is None
                else reason,  # octet 16; the order gives no values
                time=context.time_of_day(report.time),
                receiver=receiver,
                sender_imsi=_imsi(report.sender_imsi),
                receiver_imsi=_imsi(report.receiver_imsi),
                text=part,
            )
        context.counters["electronic_messages"] += 1


def _imsi(digits: str) -> Party:
    return Party(codes.NumberSign.IMSI, digits) if digits else Party()
