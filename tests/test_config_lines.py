"""Errors of lab files tell all mistakes, each with its line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import captures
from sorm_mediator import config
from sorm_mediator.config.lines import KeyPath, line_numbers, located, shown
from sorm_mediator.errors import ConfigError

pytestmark = pytest.mark.core

LABS = sorted((Path(captures.__path__[0]) / "labs").rglob("*.toml"))

QUOTED_PARTS = "'a b'." * 64
MISTAKES = """\
# a comment
[mediator]
hodl = 3
[console]
kpd1_port = 70000
kpd2_prot = 0
[web]
port = "x"
[[switch.domains]]
name = "a"
subscribers = [
  { number = "28331" },   # fine
  { number = "28x" },
  { nubmer = "1" }, { number = "1", services = { cfu = 3 } },
]
[[switch.domains]]
name = "b c"
enabled = 3
[[e1]]
line = "satpo"
"""


def test_all_mistakes_are_told_in_the_order_of_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(MISTAKES)
    with pytest.raises(ConfigError) as error:
        config.load(path)
    found = [line.removeprefix(f"{path}:") for line in str(error.value).splitlines()]
    begins = [
        "3: mediator.hodl: unknown key; allowed here: orm_number, ",
        "5: console.kpd1_port: 70000 is not allowed: at most 65535",
        "6: console.kpd2_prot: unknown key; did you mean kpd2_port? allowed here: ",
        "8: web.port: 'x' is not allowed: a whole number",
        "13: switch.domains[1].subscribers[2].number: '28x' is not allowed: 1 to 18 digits",
        "14: switch.domains[1].subscribers[3].nubmer: unknown key; did you mean number? allowed here: ",
        "14: switch.domains[1].subscribers[4].services.cfu: 3 is not allowed: a text in quotation marks",
        "17: switch.domains[2].name: 'b c' is not a name of a domain",
        "18: switch.domains[2].enabled: 3 is not allowed: true or false",
        "20: e1[1].line: 'satpo' is not allowed: 'satop', 'serial', 'xot' or 'memory'; did you mean \"satop\"?",
    ]
    assert len(found) == len(begins), found
    for line, begin in zip(found, begins, strict=True):
        assert line.startswith(begin)


def test_of_very_many_mistakes_the_count_is_told(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text("[web]\n" + "".join(f"x{number} = 1\n" for number in range(30)))
    with pytest.raises(ConfigError) as error:
        config.load(path)
    lines = str(error.value).splitlines()
    assert len(lines) == 21
    assert lines[-1] == f"{path}: 10 more mistakes"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[web]\nhost = yes\n",
            ":2: is not TOML: invalid value at column 8; a text is in quotation marks, a switch is",
        ),
        ("[web]\nport = 1\nport = 2\n", ":3: is not TOML: cannot overwrite a value at column 9"),
        ("[web\n", ":1: is not TOML: "),
        (f"[web]\n{'a.' * 6000}b = 1\n", ":2: a key has more than 64 parts"),
        (f'"web" . {QUOTED_PARTS} "c" = 1\n', ":1: a key has more than 64 parts"),
        ('"\\""' + '."\\""' * 6000 + " = 1\n", ":1: a key has more than 64 parts"),
    ],
)
def test_what_is_not_toml_has_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        config.load(path)
    assert str(error.value).startswith(f"{path}{says}")


@pytest.mark.parametrize(
    "text",
    [f"a = {'[' * 70}{']' * 70}\n", f"a = {'{ a.a.a = ' * 60}1{' }' * 60}\n", f"a = {'[' * 5000}\n"],
)
def test_what_is_nested_too_deeply_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is nested too deeply"):
        config.load(path)


def leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_every_value_of_a_shipped_lab_has_the_line_that_it_stands_in(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines, rows = line_numbers(text), text.splitlines()
    for key, value in leaves(tomllib.loads(text)):
        row = rows[lines[key] - 1]
        name = next(str(part) for part in reversed(key) if isinstance(part, str))
        assert name in row or str(value) in row, shown(key)


NAMES = st.text("abc_-", min_size=1, max_size=3)
VALUES = st.recursive(
    st.integers() | st.booleans() | st.text("ab \"'#[]{}=,.\\\n", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, list):
        return "[ # a list ]\n" + "".join(f"  {written(one)}, # {{\n" for one in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = {written(one)}' for key, one in value.items()) + " }"
    return str(value)


@given(
    st.lists(
        st.tuples(NAMES, st.dictionaries(NAMES, VALUES, max_size=3)), max_size=4, unique_by=lambda one: one[0]
    )
)
def test_the_scanner_finds_every_value_of_any_toml(tables: list[tuple[str, dict[str, Any]]]) -> None:
    text = ""
    for name, table in tables:
        text += f"\n[[{name}]] # [x]\n" + "".join(
            f"{key} = {written(value)}\n" for key, value in table.items()
        )
    lines, rows = line_numbers(text), text.split("\n")
    for key, value in leaves(tomllib.loads(text)):
        plain = written(value).split("\n")[0]
        assert plain in rows[lines[key] - 1]


@given(st.text("ab \"'#[]{}=,.\\\n", max_size=40))
def test_the_scanner_ends_on_any_text(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in line_numbers(text).values())


def test_an_error_without_a_key_stays_as_it_is(tmp_path: Path) -> None:
    for error in ("lab.toml: can't be read: x", "no key here", "two words: x"):
        assert located(error, tmp_path / "gone.toml") == error
    assert located("a.0.b: x", tmp_path / "gone.toml") == "a.0.b: x"
