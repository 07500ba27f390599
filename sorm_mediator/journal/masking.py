"""What of a console's unit may be written down: everything but the passwords in it."""

from __future__ import annotations

_PASSWORD = slice(4, 10)  # order 268, 5.2.2.5: the header of every command
_SET_PASSWORD = 0x03  # order 268, 6.3: the payload is the new password


def masked_unit(raw: bytes) -> str:
    """The unit of a command channel in hexadecimal, each password octet as ``**``.

    Whatever follows the header of command 3 is masked to the end, so a new password of a wrong length is too;
    a unit cut inside the password shows none of it.
    """
    octets = raw.hex(" ").upper().split()
    octets[_PASSWORD] = ["**"] * len(octets[_PASSWORD])
    if len(raw) > 2 and raw[2] == _SET_PASSWORD:
        octets[10:] = ["**"] * len(octets[10:])
    return " ".join(octets)
