"""The page of the licence: its rows from their declarations, its counting from the module that counts."""

from __future__ import annotations

from collections.abc import Iterator

from sorm_mediator.config import LicenceConfig
from sorm_mediator.switch.calls import units as licence_units
from sorm_mediator.switch.licence import LIMIT_SECTIONS, shown

_TOP = """\
# The licence

The emulated switch has licences as the real one: what they allow is counted, and what goes beyond it is refused in
words. Licence 0, the factory licence, is always there. Licence 1 is that of `[switch.licence]` in the
[lab file](configuration.md); left out, it allows SORM with 20 channels, 2100 calls and any number of subscribers. More
are added in the switch's [shell](shell.md), or stand in `[[switch.licences]]`.

**Which one holds.** The highest number that has not expired. `expires` is its last day, UTC. After it the next lower
one holds, and at last licence 0, which never expires; the vendor's text refers to another page for this, so it is our
reading. A limit that a licence leaves out is as in licence 0.

**What a change does.** It takes effect at once, and cuts nothing: calls, links and objects on control go on, also
beyond the new limits; new ones are refused. What the lab file declares is always loaded, with a warning when that is
more than the licence allows.

## What takes effect

| limit | what it does |
|---|---|
| `sorm_enabled` | off: no mediator is let in, and no object more is put under control; so it is without channels |
| `sorm_channels` | pairs of a mediator and a domain; both hosts of a cluster, or two connections, are still one |
| `concurrent_calls` | units of simultaneous connections (cp_limit), counted as below |
| `max_conversation_time` | a conversation is released after so many seconds; its events say `licence` |
| `subscribers` | declaring one more than so many in all domains together is refused |

All other limits are shown only.

## How calls count

"""

_MIDDLE = """
`terminal` of a subscriber says which it has; `smart` is the default. A smart terminal makes its consultation call
itself, and it has a unit like any call; that of a basic one is made within the call that it has. A unit is free again
when its call ends. A conference that ends gives back what it took.

## Who hears of a refusal

| refused | says so |
|---|---|
| a mediator, after a right password | its hello: code 31h and the reason; logs of both; `GET /api/v1/status` |
| an object, over a link that was up before | the reply to `add`: 31h, the reason; the console: 28h with 31h; log |
| a call | HTTP 503 with the reason; the switch's log |
| a service in a call | `service-refused` in the call's events; the call goes on |
| a subscriber, a licence, a passport | the shell's answer |

31h (`switch.not_licensed_code`)
is "object table full, monitoring not begun": the table of codes has none of its own for a licence, and this is
the one that means no room for another object (our choice); without extended errors it is 01h. A mediator that is kept
out answers command 5 as without a switch.

`GET /api/v1/status` (`licence`), `GET /api/v1/switch/licence` and `/metrics` (`sorm_licence_in_use`,
`sorm_licence_limit`) show what is in use and the limits.

## Keys

The keys of the vendor are signed, and their format is not public. Ours is for labs: it holds a check, so that a
mistyped key is refused with the reason, and no secret. Whoever has a lab makes keys for it:

```console
$ sorm-mediator licence make --limit sorm_channels=20 --limit concurrent_calls=500 --expires 2027-12-31
LAB1-LICENCE-PMRHG43X...-5DXKWBY3
$ sorm-mediator licence passport --ssw-id "ECSS 010079"
LAB1-PASSPORT-PMRHG43X...-OMMXTPNA
```

A licence with `sorm_channels` and without `sorm_enabled` enables SORM too: the vendor calls the latter obsolete. All
licences and the passport of a switch are for one `ssw_id`; a lab without a passport key has one for that of
`[switch.licence]`. There is no USB token.

The shell has all of the vendor's commands under `cluster/storage/ds1/licence/`. `current-limits` shows what holds,
`list-licence` all licences, `show-licence [--details] ID` one of them. `add [--force|--no-diff] KEY` shows what changes
and asks; `--force` does not ask, `--no-diff` does not show. `delete ID`, `set-passport KEY`, `show-passport` are as
they sound. `config/save` keeps what was added.

## All limits

"Licence 1" is what `[switch.licence]` has when it is left out; empty: as in licence 0, or not there.

"""


def page() -> str:
    """The whole page, Markdown."""
    counting = [line for line in (licence_units.__doc__ or "").splitlines() if line.startswith("|")]
    return _TOP + "\n".join(counting) + "\n" + _MIDDLE + "\n".join(_limits()) + "\n"


def _limits() -> Iterator[str]:
    yield "| key | shown as | values | licence 0 | licence 1 |"
    yield "|---|---|---|---|---|"
    first = LicenceConfig().model_dump()
    for section in LIMIT_SECTIONS:
        for limit in section.limits:
            name = dict(limit.before).get("name", "")
            where = ": ".join(part for part in (section.heading, name, limit.label) if part)
            factory = "" if limit.factory is None else shown(limit.factory)
            initial = shown(first[limit.key]) if limit.effective else ""
            yield f"| `{limit.key}` | {where} | {limit.kind.value} | {factory} | {initial} |"
