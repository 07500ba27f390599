"""What is wrong at a running mediator and loses something: a line each, with the key and the remedy."""

from __future__ import annotations

from radius.refusals import Refusal as RefusedClient
from sorm_mediator.config import RadiusConfig, SshConfig
from sorm_mediator.config.lines import quoted
from sorm_mediator.mediator.core.channels import ConsoleChannels
from ssh_control.client import Refusal, SwitchLink


def refused_by_switch(ssh: SshConfig, link: SwitchLink | None, own: str = "") -> str:
    """Why the mediator and its switch don't come together; "" when neither refuses the other.

    ``own``: all of the reason, of which a switch sends only a part; "": it is not known.
    """
    if link is None or link.refusal is None:
        return ""
    reason = link.status()["reason"]
    match link.refusal:
        case Refusal.HOST_KEY:
            return (
                f"ssh.host_key: is not the key of the switch: {reason}: pin the public key of its ready line "
                "(ssh-keyscan prints it), if it is the right switch (ssh.server, ssh.port)"
            )
        case Refusal.SINK:
            remedy = "radius.host and radius.port are to be those of radius_servers of the switch's domain"
            return f"radius.port: the switch does not report to this mediator: {own or reason}: {remedy}"
        case Refusal.DIALECT:
            ports = "7777 for a domain, 7778 for a MultiSORM user"
            return f"ssh.port: is not that of the switch's mediators: {reason}: {ports}"
        case Refusal.LOGIN:
            remedy = own or f"compare ssh.user and ssh.password with its domains ({reason})"
        case Refusal.HELLO:
            remedy = own or reason
    return f"ssh.user: the switch refuses the mediator {ssh.user!r}: {remedy}"


def lost_to_blocked(channels: ConsoleChannels) -> str:
    """That messages are dropped for a console that has reconnected; "" when none is."""
    lost = channels.lost_to_blocked
    pair = next(iter(channels.blocked.values()), None)
    if pair is None or not lost:
        return ""
    return (
        f"console {pair.peer}: has reconnected and given no command, so messages to it are lost (order 268, 1.4.1.2): "
        f"have it give one with the valid password, such as 14 ({lost} so far)"
    )


def put_off_reports(count: int) -> str:
    """That call reports are left to the switch because of a slow console, and the remedy."""
    return (
        "KPD2: the console takes events more slowly than they come, so call reports are put off until it has room: the "
        "switch repeats them (mediator.options.slow_console); more may wait with console.most_unsent, or over E1 with "
        f"x25.queue_limit ({count} so far)"
    )


def refused_client(radius: RadiusConfig, refusal: RefusedClient) -> str:
    """Why the reports of a client are not taken, and the remedy."""
    host = refusal.host
    own = f"radius.clients.{quoted(host)}"
    match refusal.why:
        case "unknown client":
            remedy = f"set {own} to its secret"
        case "wrong secret" | "wrong Message-Authenticator":
            held = radius.key_of(host)
            remedy = f"{held} is to be the secret that the client has" + (
                f"; or set {own}" if held == "radius.secret" else ""
            )
        case "no Message-Authenticator":
            remedy = "have the client send it, or set radius.require_message_authenticator = false"
    return f"RADIUS from {host}: {refusal.why}, so its reports are lost: {remedy} ({refusal.count} so far)"
