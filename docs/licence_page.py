"""The page of the licence: its rows from their declarations, its counting from the module that counts."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getdoc

from sorm_mediator.config import LicenceConfig, ServiceGroupsConfig
from sorm_mediator.switch.calls.call import CallUnits
from sorm_mediator.switch.licence import LIMIT_SECTIONS, LIMITS, PACKAGES, shown

_TOP = """\
# The licence

The emulated switch has licences like the real one. It counts what is in use, and refuses a request beyond a limit
with the reason. Licence 0, the factory licence, always exists. Licence 1 is `[switch.licence]` in the
[lab file](configuration.md); without this table it allows SORM with 20 channels, 2100 calls and any number of
subscribers. Further licences are added in the switch's [shell](shell.md), or in `[[switch.licences]]`. Licences of
stations, and of several nodes together, are on [a page of their own](network-licence.md).

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
| `subscribers` | active subscribers of all domains, without virtual ones; declaring or activating more is refused |
| `virtual_subscribers` | the same for active virtual subscribers |
| `elph.members` | [registrations of Elph clients](#elph-clients); 10 where no licence has the row |
| `cdr` | modes of [call detail records](cdr.md) that are written |
| `dialer.channels` | [calls of the dialer](switch.md#calls-of-the-switch-itself) at a time; one more waits |
| `lpm_time` | how long the switch works with too few USB keys, below |

**Inactive subscribers** count for neither limit. Where no licence is free, a subscriber can be declared with
`sip/user/declare ... --inactive`, or `active = false` in the lab file, and get service later with
`sip/user/activate NUMBER` in the [shell](shell.md). Until then it makes and takes no calls, and is refused as an object
with 54h; an object that has been on control before stays and is not touched. `sip/user/deactivate` takes the service
away, but not during a call. **A virtual subscriber** (`virtual = true`, `--virtual`) has no terminal: it makes no
calls, and calls to it go on by its forwarding `cfu` or `cfnrc`, else they end with 01h (our reading of the name).

## What takes effect where it is named

These limits hold only where a licence above 0 names them itself and is active: licence 1 in
`[switch.licence.limits]`, an added licence by `--limit` of `licence make`. A licence that leaves one out shows the
value of licence 0, and the switch does not keep to it (our choice: labs without these limits are as before them).

| limit | what it does |
|---|---|
| `addon.count` | add-on conferences (3pty) that go on at a time; joining a third party to one more call is refused |
| `addon.members` | participants of one conference: the parties of the call, and each further one |
| `package.ECSS-...` | subscribers that have the package: see [packages of services](#packages-of-services) |

```toml
[switch.licence.limits]
"addon.count" = 10
"addon.members" = 4
```

A conference begins with `3pty` and has three participants. One of them may bring in another one by `3pty` in its own
call, which makes four. It ends with its first call, or when only that is left.

## Packages of services

A package covers groups of supplementary services, its SS list, and its limit is the number of subscribers that may
have it. Once the active licence names a package, a service acts only with a licence. A subscriber takes one for each
group of the services in its record, of the package with the fewest groups that has one free. A package of several
groups serves all of them. The services of the lab file take licences first, in the order of domains and subscribers;
the log warns of those that get none.

| group (SS) | services | packages |
|---|---|---|
GROUPS
`[switch.service_groups]` puts services into other groups. The vendor has a page of its own for the packages, which is
not among our sources, so the groups and the taking of licences are our choice.

| without a licence | what happens |
|---|---|
| a forwarding, or call waiting, of the record | has no effect; `service-refused` in the call's events has the reason |
| a service used in a call | `service-refused`; the call goes on. HTTP 503 where it is used by hand |
| a service ordered (`phase: order`) | refused, and the record stays as it is; cancelling it gives the licence back |

`system/licence/packages/usage` in the [shell](shell.md) shows the packages with their services, limits and use, and
`domain/<D>/ss/packages` the subscribers that have them or lack one. Command 12 lists the services of the record, with a
licence or without.

## Elph clients

Each SIP registration of Elph-Desktop, Elph-Android or Elph-iOS uses one licence, whatever the platform: a subscriber
with two devices uses two, until a registration expires or is cancelled. The emulated switch has no SIP, so devices
register over HTTP, or in the [shell](shell.md). A device that registers again renews its registration; it ends with its
subscriber, too. There is one group of Elph clients in the vendor's version, so `elph.groups` is shown only.

| what | shell | HTTP, below `/api/v1/switch/domains/{domain}` |
|---|---|---|
| licences in use, of each domain | `system/licence/elph/usage --domains` | `GET /api/v1/switch/licence` |
| the registered clients | `domain/<D>/sip/user/elph-registered *` | `GET elph` |
| a device registers | `domain/<D>/sip/user/elph-register NUMBER CLIENT DEVICE [--expires S]` | `POST elph` |
| a registration is cancelled | `domain/<D>/sip/user/elph-cancel NUMBER DEVICE` | `DELETE elph/{number}/{device}` |

The body of `POST elph` has `number`, `device`, `client` (`desktop`, `android`, `ios`) and `expires` (3600 s). The last
two commands are our own.

## What is shown only

All other limits can be set and are shown, and nothing in the emulated switch depends on them:

| limit | why |
|---|---|
| `chatroom.*`, `meet_me.*`, `teleconference.*` | the switch has no conference rooms; for 3pty see `addon.count` |
| `tsmn.*` | there is no TSMN system that calls could be asked of |
| `records` | the service that records conversations is not emulated; speech for SORM is no recording |
| `cc.*` | there is no call centre with agents and supervisors |
| `ivr.*`, `asr` | the switch has no IVR scripts and recognises no speech |
| `sigtran.*`, `geo_backup`, `core1.redundancy` | one process without SIGTRAN, and without a second site |
| `virtual.*`, `*.nodes` | names of clusters and their nodes, for people |
| `elph.groups` | there is one group, see [Elph clients](#elph-clients) |

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
    groups = "".join(f"{row}\n" for row in _groups())
    top = _TOP.replace("GROUPS\n", f"{groups}\n")
    return top + "\n".join(counting) + "\n" + _MIDDLE + "\n".join(_limits()) + "\n"


def _groups() -> Iterator[str]:
    """The groups of services by default, with the packages that cover them."""
    given = ServiceGroupsConfig()
    for group in sorted(set().union(*PACKAGES.values())):
        services = [
            f"`{field.alias or name}`"
            for name, field in ServiceGroupsConfig.model_fields.items()
            if getattr(given, name) == group
        ]
        covering = [
            dict(LIMITS[key].before)["name"].strip("'") for key, held in PACKAGES.items() if group in held
        ]
        yield f"| {group} | {', '.join(services) or 'none of this switch'} | {', '.join(covering)} |"


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
