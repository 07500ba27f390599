"""``[mediator.adaptation]`` and ``[mediator.options]``: what the order leaves open, each with our default.

Source: PROTOCOL 11.3 by its names and defaults, and the sheet's other rows marked inferred or as a gap.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ByteOrder = Literal["little", "big"]
StreamFault = Literal["ABSENT", "OFF", "LOS", "AIS", "LOF", "LOMF", "RAI"]


class Section(BaseModel):
    """A table of the lab file: frozen, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Adaptation(Section):
    """The mediator's four rewritings of the called number (seed 001, settings of the mediator)."""

    prefix_8_to_cdpn: bool = False
    """Leading 7 of eleven digits becomes 8 in the called number when the A number is controlled."""
    prefix_810_to_cdpn: bool = False
    """Leading 7 becomes 810, likewise."""
    toll_8_to_7: bool = False
    """Leading toll code 8 becomes 7 in the called number."""
    toll_88_to_7: bool = False
    """Leading 88 becomes 7 in the called number."""


class MediatorOptions(Section):
    """What the order leaves open or the fact sheet marks as inferred: each is our choice, and an option."""

    # --- what bytes look like
    object_byte_order: ByteOrder = "little"
    """Byte order of object numbers (PROTOCOL 9 row 1)."""
    trunk_byte_order: ByteOrder = "little"
    """Byte order of trunk numbers (PROTOCOL 9 row 2)."""
    count_byte_order: ByteOrder = "little"
    """Byte order of count and number in the header of KPD1 messages (PROTOCOL 9 row 4)."""
    service_code_position: Literal["third", "first"] = "third"
    """Place of the service code inside its three bytes (PROTOCOL 9 row 6)."""
    single_message_numbering: Literal["0,0", "1,1"] = "0,0"
    """Count and number of messages other than 23h, 24h, 25h and 2Ah, which count from 1 (PROTOCOL 5, 9 row 5)."""
    m25_length: Literal["variable", "fixed45"] = "variable"
    """Length of message 25h with services in it (PROTOCOL 9 row 7)."""
    combined_ksl_b: Literal["equal_a", "ff"] = "equal_a"
    """KSL-B of a combined group in messages (PROTOCOL 9 row 9)."""
    bitmap_polarity: Literal["1=in service", "0=in service"] = "1=in service"
    """Meaning of a bit in 29h and 53h (PROTOCOL 5.9)."""
    requirements_version: Annotated[int, Field(ge=0, le=255)] | None = None
    """Byte 9 of KPD1 messages; by default 02h in order 268 and FFh in order 70 (PROTOCOL 9 row 16)."""
    extra_digits: bool = False
    """Half-bytes Bh and Ch stand for * and # (PROTOCOL 3.3)."""
    password_characters: Literal["digits", "printable"] = "digits"  # noqa: S105
    """What command 3 accepts as a password (PROTOCOL 9 row 20)."""

    # --- how the mediator answers
    test_command_28h: Literal["off", "on"] = "off"
    """28h after 29h in answer to command 14 (PROTOCOL 9 row 12)."""
    test_while_stopped: Literal["on", "off"] = "on"
    """Command 14 is legal before start (PROTOCOL 4, table of legality)."""
    wrong_orm_number_reply: Literal["order", "vendor"] = "vendor"
    """With extended errors: 27h/18h as in the seed's table ("vendor"), or 28h/05h still (PROTOCOL 9 row 13)."""
    already_started_reply: Literal["order", "vendor"] = "vendor"
    """With extended errors: 27h/16h as in the seed's table ("vendor"), or 28h/07h still (PROTOCOL 9 row 14)."""
    unauthorized_access_place: Literal["before_28h", "after_28h"] = "before_28h"
    """Where 26h stands beside the refusing 28h (PROTOCOL 13 gap 4)."""
    stop_clears_groups: Literal["on", "off"] = "on"
    """Command 2 erases the KSL groups (PROTOCOL 4.2)."""
    stop_resets_password: Literal["on", "off"] = "on"  # noqa: S105
    """Command 2 sets the password back to the configured one (PROTOCOL 4.2)."""
    restart_message: Literal["on", "off"] = "on"
    """22h when KPD1 comes up first after a restart (PROTOCOL 5.2)."""
    alarm_while_stopped: Literal["off", "on"] = "off"
    """21h may be sent while the technical means are stopped (PROTOCOL 5.1)."""
    line_restored_code: Annotated[int, Field(ge=0, le=255)] = 0
    """Code of 21h type 04h when a stream works again; the vendor's codes tell of faults only (PROTOCOL 13 gap 17)."""
    stream_alarm_codes: dict[StreamFault, Annotated[int, Field(ge=0, le=255)]] = {
        "ABSENT": 1,
        "OFF": 1,
        "LOS": 1,
        "AIS": 1,
        "LOF": 1,
        "LOMF": 1,
        "RAI": 2,
    }
    """Code of 21h type 04h by state of a stream; the vendor has 01h for LOS and 02h for RAI, and what else is wrong
    with what is received is told as LOS (PROTOCOL 5.1). States that are left out keep their code."""
    stream_unheard: tuple[StreamFault, ...] = ("ABSENT", "OFF", "LOS", "AIS", "LOF", "RAI")
    """States of a stream in which its KSL are out of order: the console does not hear them. In LOMF it does."""
    join_running_call_on_add: Literal["off", "on"] = "off"
    """Command 5 takes effect on a call that is running (PROTOCOL 4.5); else from the next call on."""
    change_running_call: Literal["next_call", "at_once"] = "next_call"
    """When command 15 takes effect on a call that is running (PROTOCOL 4.15)."""
    busy_ksl_removal: Literal["refuse", "release"] = "refuse"
    """Command 9 on a line in use: refused, or released with 52h/04h (PROTOCOL 4.9)."""
    same_call_number_for_both_objects: Literal["on", "off"] = "on"
    """Two objects in one call share the call number (PROTOCOL 2.4)."""
    no_services_reply: Literal["empty", "61h"] = "empty"
    """Command 12 for a subscriber without services: 25h with count 0, or 28h/61h (PROTOCOL 4.12)."""
    late_ksl: Literal["off", "on"] = "off"
    """A line that becomes free is given to a running call that found none, with 51h (PROTOCOL 7.7)."""
    call_expiry: Annotated[float, Field(ge=0)] = 86_400.0
    """Seconds without a report after which a call is given up with 43h/01h and its lines are free; 0 = never."""
    mass_removal: Literal["refuse", "all"] = "refuse"
    """Command 6 with FFh in all fields (PROTOCOL 4.6)."""
    unit_timeout: Annotated[float, Field(gt=0)] = 5.0
    """Seconds that a unit begun may stay unfinished before it is refused with 27h/01h."""
    switch_timeout: Annotated[float, Field(gt=0)] = 8.0
    """Seconds that the switch may take to answer one command (within limits_ms for 28h)."""
    limits_ms: dict[Literal["27h", "28h", "29h", "53h"], Annotated[int, Field(gt=0)]] = {
        "27h": 200,
        "28h": 10_000,
        "29h": 200,
        "53h": 200,
    }
    """Test limits in milliseconds (PROTOCOL 8.1): exceeding one is logged and counted."""
