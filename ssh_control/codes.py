"""The codes of a refusal: why the switch, or the technical means, does not carry out a command.

Source: Eltex SMG1016M manual, Extended error codes. The codes below the comment are not in it: none of the manual's
states the same. ``protocol.texts`` has the texts of all of them for people.
"""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class ExtendedError(IntEnum):
    """An extended error code of a refusal."""

    WRONG_LENGTH = 0x10
    WRONG_PARAMETERS = 0x11
    WRONG_OBJECT_TYPE = 0x12
    WRONG_NUMBER_TYPE = 0x13
    WRONG_CATEGORY = 0x14
    WRONG_PRIORITY = 0x15
    ALREADY_STARTED = 0x16
    NOT_STARTED = 0x17
    WRONG_ORM_NUMBER = 0x18
    TRUNK_GROUP_NOT_DEFINED = 0x25
    KSL_GROUP_OF_ANOTHER_TYPE = 0x30
    OBJECT_TABLE_FULL = 0x31
    NO_SUCH_KSL_IN_GROUP = 0x32
    OBJECT_ALREADY_DEFINED = 0x33
    WRONG_OBJECT_NUMBER = 0x34
    NUMBER_ALREADY_DEFINED = 0x36
    OBJECT_DOES_NOT_SUIT_COMMAND = 0x37
    WRONG_OBJECT_OR_NUMBER_TYPE = 0x38
    OUTPUT_ALREADY_FINISHED = 0x39
    KSL_A_ALREADY_ASSIGNED = 0x3A
    WRONG_OBJECT_FOR_CALL = 0x3D
    WRONG_KSL_GROUP = 0x3E
    WRONG_KSL_A = 0x3F
    WRONG_KSL_B = 0x40
    WRONG_KSL_A_AND_B = 0x41
    WRONG_COUNT_OF_DIGITS = 0x44
    TRUNK_NOT_GIVEN = 0x4E
    NEITHER_NUMBER_NOR_DIRECTION = 0x53
    NUMBER_NOT_LOCAL = 0x54
    WRONG_NUMBER_SIGN = 0x55
    WRONG_TYPE_FOR_LOCAL_NUMBER = 0x56
    LOCAL_SIGN_OF_OTHER_NUMBER = 0x57
    KSL_NOT_GIVEN = 0x5F
    SERVICES_NOT_SET = 0x61
    KSL_ALLOCATION_ERROR = 0x73

    # Not in the manual.
    WRONG_NUMBER_LENGTH = 0x19
    NEITHER_NUMBER_NOR_TRUNK = 0x20
    INTERRUPTED_BY_CONSOLE = 0x21
    PREVIOUS_COMMAND_RUNNING = 0x2D
    NUMBER_NOT_FOUND = 0x35
    NUMBER_COINCIDES = 0x3B
    NO_NUMBER_FOR_TRUNK = 0x47
    BOTH_NUMBER_AND_TRUNK = 0x48
    NO_SUCH_TRUNK = 0x49
    TRUNK_ALREADY_CONTROLLED = 0x4A
    TEN_TRUNKS_CONTROLLED = 0x4B
    ANOTHER_TRUNK_DEFINED = 0x4C


NOT_EXECUTED = 0x01
"""Code of a refusal that has no extended error code (order 268, 9.8): the switch, or the domain, did not answer."""
