"""Contradictions in an ``[[e1]]`` table of a lab file, found before anything is opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sorm_mediator.addresses import host_problem, split_host_port
from sorm_mediator.config import ConfigError, E1Config
from sorm_mediator.config.e1 import BARE

ANY_ADDRESS = E1Config().local
TABLES = ("satop", "serial", "xot", "memory")
"""The tables of the kinds of line, named as the kinds."""
WIRES = ("serial", "memory")
"""Lines without an address."""


def check_lines(streams: Sequence[E1Config], name: str) -> None:
    """Raises :class:`ConfigError` naming the key, the value and the remedy."""
    used: dict[str, str] = {}
    for number, stream in enumerate(streams):
        where = f"{name}: e1.{number}"
        _check_tables(stream, where)
        _check_addresses(stream, where)
        if stream.line == "serial":
            _check_ports(stream, where, used)
        elif stream.line == "xot":
            _check_circuits(stream, where)
        elif stream.line == "satop" and not stream.local.endswith(":0"):
            if stream.local in used:
                raise ConfigError(
                    f"{where}.local: {stream.local} is {used[stream.local]} already; 0 means any free port"
                )
            used[stream.local] = f"{where}.local"
        _check_parts(stream, where)


def check_speech_lines(streams: Sequence[E1Config], name: str) -> None:
    """Check the lines of streams that carry speech alone, beside data channels over TCP.

    Raises :class:`ConfigError` for a line without timeslots.
    """
    for number, stream in enumerate(streams):
        if stream.line in BARE:
            raise ConfigError(
                f'{name}: e1.{number}.line: "{stream.line}" has no timeslots, hence no KSL; with console.link = "tcp" '
                'the streams are there for the speech alone: use "satop" or "memory", or leave the table out'
            )


def xot_listeners(streams: Sequence[E1Config]) -> Iterator[tuple[str, str, int]]:
    """Key, host and port of every stream that listens on TCP."""

    for number, stream in enumerate(streams):
        if stream.line == "xot" and not stream.remote:
            yield f"e1.{number}.local", *split_host_port(stream.local)


def _check_tables(stream: E1Config, where: str) -> None:
    for table in TABLES:
        if table in stream.model_fields_set and table != stream.line:
            raise ConfigError(
                f'{where}.{table}: is for line = "{table}", and this one is "{stream.line}": leave the table out'
            )


def _check_addresses(stream: E1Config, where: str) -> None:
    for key, value, none in (("local", stream.local, ANY_ADDRESS), ("remote", stream.remote, "")):
        if stream.line in WIRES and value != none:
            raise ConfigError(f'{where}.{key}: {value}: a line "{stream.line}" has no address: leave it out')
    if stream.line == "xot" and stream.remote and stream.local != ANY_ADDRESS:
        raise ConfigError(
            f"{where}.local: {stream.local}: the mediator either listens (local) or connects (remote, "
            f"{stream.remote}): leave one of them out"
        )


def _check_ports(stream: E1Config, where: str, used: dict[str, str]) -> None:
    ports = stream.serial
    for key, port in (
        ("kpd1", ports.kpd1),
        ("kpd2", ports.kpd2),
        ("console_kpd1", ports.console_kpd1),
        ("console_kpd2", ports.console_kpd2),
    ):
        full = f"{where}.serial.{key}"
        if not port:
            if key in ("kpd1", "kpd2"):
                raise ConfigError(f'{full}: is required for line = "serial": a tty such as "/dev/ttyUSB0"')
            continue
        if port in used:
            raise ConfigError(
                f"{full}: {port} is {used[port]} already; each end of a channel is a tty of its own"
            )
        used[port] = full


def _check_circuits(stream: E1Config, where: str) -> None:
    xot = stream.xot
    key, one, other = (
        ("lcn", xot.kpd1_lcn, xot.kpd2_lcn)
        if stream.x25.circuit == "pvc"
        else ("number", xot.kpd1_number, xot.kpd2_number)
    )
    if one == other or not one or not other:
        raise ConfigError(
            f"{where}.xot.kpd2_{key}: {other!r}: kpd1_{key} is {one!r}, and the {stream.x25.circuit.upper()} of a "
            "channel is known by it: give two different ones"
        )
    for name, value in (("interface", xot.interface), ("console_interface", xot.console_interface)):
        if len(value) > 255 or not value.isascii():
            raise ConfigError(f"{where}.xot.{name}: {value!r}: at most 255 ASCII characters are allowed")


def _check_parts(stream: E1Config, where: str) -> None:
    """Make the parts of a stream, which check their own settings."""
    from sorm_mediator.carriers import mediator_carrier  # numpy, only where it is needed

    for key, value in (("local", stream.local), ("remote", stream.remote)):
        try:
            if value and (problem := host_problem(split_host_port(value)[0])):
                raise ConfigError(f"{where}.{key}: {value!r} is no host ({problem})")
        except ValueError as error:
            raise ConfigError(f"{where}.{key}: {error}, such as 127.0.0.1:50001") from None
    try:
        mediator_carrier(stream)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
