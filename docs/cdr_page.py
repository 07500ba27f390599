"""The page of call detail records: the fields from their declarations."""

from __future__ import annotations

from sorm_mediator.switch.cdr import FIELDS

_TOP = """\
# Call detail records

A domain of the emulated switch writes a record of each call that ends, where its key `cdr` says so:

```toml
[switch]
cdr_directory = "cdr"

[switch.licence.limits]
"cdr" = "basic, sorm3"

[[switch.domains]]
name = "test.domain"
cdr = ["basic", "sorm3"]
```

The files are `DOMAIN/MODE/YYYYMMDD.csv` below `switch.cdr_directory`, by the day on which the call ended, UTC. They are
UTF-8 with commas, begin with the names of their fields, and only their owner may read them. A call that passed through
several domains has a record in each of them, with the numbers of that domain. A call that the switch refuses before it
begins (a limit of the licence, an unknown subscriber) has none; one that it does not admit has one, with the cause 01.

**The licence** names the modes that may be written, in its row `cdr` (CDR generation mode(s)): `basic` in
[licence 0](licence.md), and in every licence without the row. The log warns at the start of a mode that a domain has
and the licence has not. The [metrics](metrics.md) of the switch count the records written, those without a licence, and
those lost. A disk that is full does not stop calls. `GET /api/v1/calls/{call}/cdr` has the records of one of the
latest calls; with `cdr_directory = ""` they are there alone, and in no file.

**No object on control is in them.** Every field is made from the call and its routing, and a call leaves the same
record whether an object takes part or not (order 268, rule 6).

The manual names both modes and none of their fields, so the fields are our choice. `sorm3` has those of `basic` too.

| field | in | meaning |
|---|---|---|
"""


def page() -> str:
    """The whole page, Markdown."""
    rows = [
        f"| `{one.name}` | {'both' if one.mode == 'basic' else '`sorm3`'} | {one.meaning} |" for one in FIELDS
    ]
    return _TOP + "\n".join(rows) + "\n"
