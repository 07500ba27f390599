"""A question to the central licence server: one line of JSON there, one back.

Source: docs/network-licence.md, "The licence server" (our choice).
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Final

from pydantic import Field, ValidationError

from sorm_mediator.addresses import split_host_port
from sorm_mediator.config.stations import RegistrationConfig
from sorm_mediator.options import Section
from sorm_mediator.switch.licence import LicenceError

ANSWER_WITHIN: Final = 2.0
"""Seconds that a switch waits for the licence server; its calls wait, too (our choice)."""
LONGEST: Final = 262_144
"""Octets of a line."""


class ServerQuestion(Section):
    """What a switch asks the licence server."""

    lac: str = Field(max_length=64)
    """The licence authorisation code."""
    locking_id: str = Field(min_length=1, max_length=64)
    """Of the switch."""
    registration: RegistrationConfig
    """Whose it is."""


class ServerAnswer(Section):
    """What the licence server answers."""

    file: str = Field(default="", max_length=LONGEST)
    """The licence file; "" when it refuses."""
    refused: str = Field(default="", max_length=1000)
    """Why it makes none."""


def _answer_line(connection: socket.socket, question: bytes) -> bytes:
    """The line that answers a question, within :data:`ANSWER_WITHIN`, however its octets come. Raises ``OSError``."""
    until = time.monotonic() + ANSWER_WITHIN
    connection.sendall(question)
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < LONGEST:
        connection.settimeout(max(0.001, until - time.monotonic()))
        part = connection.recv(LONGEST - len(line))
        if not part:
            break
        line += part
        if time.monotonic() > until:
            raise TimeoutError("its answer has no end")
    return bytes(line)


def ask_licence_server(server: str, lac: str, locking_id: str, registration: RegistrationConfig) -> str:
    """The licence file of a code. Raises :class:`LicenceError` for a refusal, :class:`OSError` without an answer."""
    try:
        question = ServerQuestion(lac=lac, locking_id=locking_id, registration=registration)
    except ValidationError:
        raise LicenceError("what was entered is no licence authorisation code") from None
    with socket.create_connection(split_host_port(server), timeout=ANSWER_WITHIN) as connection:
        line = _answer_line(connection, question.model_dump_json().encode() + b"\n")
    try:
        body: Any = json.loads(line)
        answer = ServerAnswer.model_validate(body)
    except (ValueError, RecursionError):
        raise LicenceError("its answer is not that of a licence server") from None
    if answer.refused or not answer.file:
        raise LicenceError(answer.refused or "its answer has no licence file")
    return answer.file
