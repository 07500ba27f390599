"""The page of the licence: its rows from their declarations, its counting from the module that counts."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getdoc

from sorm_mediator.config import LicenceConfig
from sorm_mediator.switch.calls.call import CallUnits
from sorm_mediator.switch.licence import LIMIT_SECTIONS, shown

_TOP = """\
# The licence

The emulated switch has licences like the real one. It counts what is in use, and refuses a request beyond a limit
with the reason. Licence 0, the factory licence, always exists. Licence 1 is `[switch.licence]` in the
[lab file](configuration.md); without this table it allows SORM with 20 channels, 2100 calls and any number of
subscribers. Further licences are added in the switch's [shell](shell.md), or in `[[switch.licences]]`.

**The active licence** is the one with the highest number that has not expired. `expires` is its last day, UTC. After
that day the next lower one is active, and at last licence 0, which never expires. The vendor's manual refers to
another page for this, so it is our reading. A limit that a licence leaves out is as in licence 0.

**A change of the active licence** takes effect at once and ends nothing: calls, links and objects on control go on,
also beyond the new limits; new ones are refused. Everything that the lab file declares is loaded, with a warning when
it is more than the licence allows.

## What takes effect

| limit | what it does |
|---|---|
| `sorm_enabled` | off: mediators and further objects are refused; so they are with 0 `sorm_channels` |
| `sorm_channels` | pairs of a mediator and a domain; the two hosts of a cluster, or two connections, count once |
| `concurrent_calls` | units of simultaneous connections (cp_limit), counted as below |
| `max_conversation_time` | a conversation is released after this number of seconds; its events contain `licence` |
| `subscribers` | subscribers of all domains together; declaring more is refused |
| `lpm_time` | how long the switch works with too few USB keys, below |

All other limits are shown only.

**USB keys.** A passport ties the switch to its USB keys (eToken): no more DS nodes run than there are keys. The lab has
as many keys as the active licence has DS nodes, unless `switch.licence.tokens` says how many. With fewer, or none, the
switch counts down its "System alive time without LPM token" (`lpm_time`: `1d`, `12h`, `90m`, `30s`; a number alone are
minutes) and then takes no call, not even one to an emergency number; the mediators stay connected and their commands
are answered. The time counts from when the keys became too few, or from the start of the switch; with enough keys the
switch takes calls again at once. `lsusb` in the shell lists the keys, `cluster/storage/ds1/licence/tokens` shows the
time that is left, and `set-tokens COUNT` plugs keys in or pulls them. The log tells when they become too few. That the
time is counted anew, and that no call at all is taken, is our choice.

## How calls count

"""

_MIDDLE = """
`terminal` of a subscriber is `smart`, the default, or `basic`. A smart terminal makes its consultation call itself, so
that call uses a unit like any other. The consultation call of a basic terminal is made within its call and uses no
unit. A unit is free again when its call ends, and those of a conference when the conference ends.

## Where a refusal is shown

| refused | where the reason is |
|---|---|
| a mediator, after a right password | its hello: code 31h and the reason; logs of both; `GET /api/v1/status` |
| an object, over a link that was up before | the reply to `add`: 31h, the reason; the console: 28h with 31h; log |
| a call | HTTP 503 with the reason; the switch's log |
| a service in a call | `service-refused` in the call's events; the call goes on |
| a subscriber, a licence, a passport | the shell's answer |

31h (`switch.not_licensed_code`) is "object table full, monitoring not begun". The table of codes has no code for a
licence; this one means that there is no room for another object (our choice). Without extended errors the code is
01h. A mediator that the switch refuses answers command 5 as without a switch.

`GET /api/v1/status` (`licence`), `GET /api/v1/switch/licence` and `/metrics` (`sorm_licence_in_use`,
`sorm_licence_limit`) show the limits and the units in use.

## Keys

The keys of the vendor are signed, and their format is not public. Ours is for labs: it has a checksum, so that a
mistyped key is refused with the reason, and it contains no secret. Anyone can make keys for a lab:

```console
$ sorm-mediator licence make --limit sorm_channels=20 --limit concurrent_calls=500 --expires 2027-12-31
LAB1-LICENCE-...
$ sorm-mediator licence passport --ssw-id "ECSS 010079"
LAB1-PASSPORT-...
```

What a licence has no limit of is as in the factory licence, and not as in the licence that it follows: stderr
lists what the switch keeps to, and warns of a last day that is over. `sorm-mediator licence show KEY` shows what a
key holds (`--json`; exit code 1 for a licence that has expired).

A licence with `sorm_channels` and without `sorm_enabled` enables SORM too: the vendor calls the latter obsolete. All
licences and the passport of a switch are for one `ssw_id`. A lab without a passport key has a passport for the
`ssw_id` of `[switch.licence]`.

**The origin** of a licence and of the passport is shown by `show-licence` and `show-passport`: author, encoder, their
systems and dates. It is set by `[switch.licence.issued]` for licence 1 and for a passport without key, and by
`--author`, `--author-ip`, `--encoder-user`, `--encoder-host` and `--encoder-ip` for a key. A line whose value a key
does not hold is not shown.

**Clusters** have the names that the licence gives them. `--limit cluster.core.core7=core7@ecss1,core7@ecss2` names
a cluster and its nodes; so do `cluster.mediator.NAME`, `cluster.storage.NAME`, `cluster.bus.NAME`, and for an adapter
with its type `cluster.adapter.sip.NAME`. Those that a licence names stand in place of the factory licence's clusters
of that role. The shell's path has the name of a cluster with the role STORAGE: `cluster/storage/ds7/licence/...`.

The shell has all of the vendor's commands under `cluster/storage/ds1/licence/`. `current-limits` shows the present
limits, and in its last line, `Sorm enabled`, whether mediators are let in. `list-licence` shows all licences,
`show-licence [--details] ID` one of them. `add [--force|--no-diff] KEY` shows the changes and asks; `--force` does
not ask, `--no-diff` does not show the changes. `delete ID` removes a licence, `set-passport KEY` replaces the
passport, `show-passport` shows it. `config/save` writes added licences to the lab file.

## All limits

The column "licence 1" has the defaults of `[switch.licence]`. An empty cell: as in licence 0, or no such row.

"""


def page() -> str:
    """The whole page, Markdown."""
    counting = [line for line in (getdoc(CallUnits) or "").splitlines() if line.startswith("|")]
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
