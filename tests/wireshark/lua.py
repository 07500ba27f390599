"""core.lua and the declarations in an interpreter of this process (lupa), and its results as those of ``decode``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import Any

from protocol import Options
from sorm_mediator.language import Lang
from sorm_mediator.wireshark.declarations import declarations
from sorm_mediator.wireshark.lua import literal
from sorm_mediator.wireshark.script import translations


class Core:
    """core.lua in one version of Lua and one language."""

    def __init__(self, lua: ModuleType, lang: Lang) -> None:
        self._runtime = lua.LuaRuntime(encoding=None, unpack_returned_tuples=True)
        source = files("sorm_mediator.wireshark").joinpath("core.lua").read_text("utf-8")
        texts = f"D.texts = {literal(translations(source, lang))}"
        whole = "\n".join((declarations(lang), texts, "return (function()", source, "end)()"))
        self._core = self._runtime.execute(whole.encode())

    @cache  # noqa: B019 - a runtime lives as long as the tests
    def codec(self, options: Options) -> Any:
        chosen = ", ".join(
            f"{name} = {literal(getattr(options, name))}"
            for name in options.__slots__
            if name != "requirements_version"
        )
        return self._core[b"codec"](self._runtime.execute(f"return {{{chosen}}}".encode()))

    def frame(
        self, data: bytes, options: Options, in_step: bool = True
    ) -> tuple[list[tuple[str, int, int]], int, bool, list[Any]]:
        """Items (what, place, octets), where they end, whether that is in step, and the documents of the items."""
        codec = self.codec(options)
        items, stop, still, *_ = codec[b"frame"](data, in_step)
        listed = list(items.values())
        found = [(one[b"what"].decode(), one[b"at"], one[b"n"]) for one in listed]
        return found, stop, still, [codec[b"document"](data, one) for one in listed]

    def line(self, document: Any) -> str:
        return str(self._core[b"one_line"](document).decode())

    def json(self, document: Any) -> dict[str, Any]:
        """The document with the keys of ``decode --json``."""
        fields, octets, rows = {}, {}, []
        for one in document[b"fields"].values():
            name, node = one[b"name"].decode(), one[b"node"]
            fields[name] = self._plain(self._core[b"json_of"](node))
            octets.update(_kept(name, node))
            shown = [list(row.values()) for row in (node[b"rows"] or {}).values()] or [
                [one[b"caption"], node[b"value"], node[b"meaning"]]
            ]
            rows.append((name, [[text.decode() for text in row] for row in shown]))
        return {
            **{
                key: _text(document[key.encode()])
                for key in ("name", "kind", "channel", "code", "orm_number")
            },
            "fields": fields,
            "octets": octets,
            "problems": [
                {key: _text(problem[key.encode()]) for key in ("offset", "path", "message", "accepted")}
                for problem in document[b"problems"].values()
            ],
            "status_text": _text(document[b"status_text"]),
            "heading": _text(document[b"heading"]),
            "hidden": document[b"hidden"],
            "rows": rows,
        }

    def _plain(self, value: Any) -> Any:
        if isinstance(value, int | bytes):
            return _text(value)
        if value[b"record"] is not None:
            return {part[1].decode(): self._plain(part[2]) for part in value[b"record"].values()}
        listed = value[b"list"]
        return None if listed is None else [self._plain(one) for one in listed.values()]


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _kept(path: str, node: Any) -> Iterator[tuple[str, str]]:
    if node[b"kept"] is not None:
        yield path, node[b"kept"].decode()
        return
    for part in (node[b"parts"] or {}).values():
        yield from _kept(f"{path}.{part[1].decode()}", part[2])
    for index, item in enumerate((node[b"items"] or {}).values()):
        yield from _kept(f"{path}.{index}", item)
