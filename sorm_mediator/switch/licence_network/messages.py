"""The messages between the nodes of a licence network: JSON objects, one a line, signed with the network's secret.

The master begins a connection with a line that has a random text, which every signature of the connection covers:
a message of another connection is worth nothing. A question has a number that rises, and its answer has the same one.

Source: docs/network-licence.md, "Messages" (our choice).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import Field, ValidationError

from sorm_mediator.options import Section
from sorm_mediator.switch.licence_network.states import NodeState

LONGEST: Final = 65_536
"""Octets of a line."""
UnitsField = dict[Annotated[str, Field(max_length=32)], Annotated[int, Field(ge=0, le=10**12)]]
"""Resource -> units: more than all codes of a licence file can hold."""


class AgentMessageError(Exception):
    """A line is no message of the network, or is not signed with its secret. The text gives the reason."""


class Hello(Section):
    """The master's first line."""

    nonce: Annotated[str, Field(min_length=16, max_length=128)]
    """A random text."""


class Question(Section):
    """What a slave says and asks for."""

    op: Literal["poll", "leave"]
    """leave: the node ends, and gives its units of calls and channels back; licences of stations stay its own."""
    node: Annotated[str, Field(min_length=1, max_length=32)]
    """Its name."""
    number: Annotated[int, Field(ge=1)]
    """Rises with each question of a connection."""
    state: NodeState
    """Its licence state."""
    serial: Annotated[int, Field(ge=0)]
    """Number of the network's licence file, as the node knows it."""
    wanted: UnitsField = Field(default={})
    """Resource -> units."""


class AgentAnswer(Section):
    """What the master answers."""

    number: Annotated[int, Field(ge=0)]
    """Of the question."""
    refused: Annotated[str, Field(max_length=500)] = ""
    """Why the node has no licences; "" when it has."""
    state: NodeState = NodeState.REGULAR
    """That of the network."""
    serial: Annotated[int, Field(ge=0)] = 0
    """Number of its licence file."""
    granted: UnitsField = Field(default={})
    """Resource -> units that the node holds from now on."""
    total: UnitsField = Field(default={})
    """Resource -> units of the whole network."""


Message = TypeVar("Message", bound=Section)


def line_of(message: Section, secret: str, nonce: str) -> bytes:
    """The line of a message, signed."""
    body = message.model_dump(mode="json")
    return json.dumps({**body, "mac": mac_of(body, secret, nonce)}, ensure_ascii=True).encode() + b"\n"


def read_line(line: bytes, kind: type[Message], secret: str | None, nonce: str) -> Message:
    """The message of a line. ``secret``: None for a line that is not signed. Raises :class:`AgentMessageError`."""
    try:
        body: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise AgentMessageError("it is no JSON") from None
    if not isinstance(body, dict):
        raise AgentMessageError("it is no JSON object")
    mac = body.pop("mac", "")
    try:
        message = kind.model_validate_json(json.dumps(body))
    except RecursionError:
        raise AgentMessageError("it is nested too deeply") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise AgentMessageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if secret is not None:
        wanted = mac_of(message.model_dump(mode="json"), secret, nonce)
        if not isinstance(mac, str) or not hmac.compare_digest(mac.encode(errors="replace"), wanted.encode()):
            raise AgentMessageError("its signature is wrong: secret differs between the nodes")
    return message


def mac_of(body: dict[str, Any], secret: str, nonce: str) -> str:
    """HMAC-SHA-256 (RFC 2104) over the random text and the body in its one form."""
    data = nonce + "\n" + json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(secret.encode(), data.encode(), hashlib.sha256).hexdigest()
