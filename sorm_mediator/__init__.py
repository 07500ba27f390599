"""The SORM mediator lab: mediator core, emulated switch, console emulator, and the lab that wires them."""

__version__ = "0.1.0"
