"""Objects under control as the line dialect writes them."""

from __future__ import annotations

from typing import Any


def own(number: int = 258, digits: str = "28331") -> dict[str, Any]:
    return {
        "object_number": number, "object_type": "own-subscriber", "number_sign": "own", "number": digits,
        "trunk": None, "category": "combined", "priority": "normal",
    }  # fmt: skip


def network(number: int, digits: str) -> dict[str, Any]:
    return own(number, digits) | {"object_type": "network-full", "number_sign": "russia"}


def trunk(number: int, which: int) -> dict[str, Any]:
    return own(number) | {"object_type": "trunk", "number_sign": None, "number": None, "trunk": which}
