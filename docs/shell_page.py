"""The page of the switch's shell: its commands from their declarations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sorm_mediator.switch.shell.command import Command
from sorm_mediator.switch.shell.session import commands

_TOP = """\
# The switch's shell

The emulated switch has the command line of an ECSS-10, over SSH, on the port that mediators use for one domain. Its
user is `[switch.admin]` of the [lab file](configuration.md); what is set there takes effect at once.

```console
$ ssh -p 7777 admin@127.0.0.1
admin@mycelium1@ecss1:/$ domain/test.domain/sorm/set enabled true
OK

[exec at: 04.03.2021 10:44:19, exec time: 1ms, nodes: ds1@ecss1 v.0.1.0]
admin@mycelium1@ecss1:/$ exit
```

**With a terminal** there is editing of the line, history (arrows), and Tab for paths, names and parameters. Ctrl-C
drops a line or a question, Ctrl-D or `exit` leaves. **Without one**, `ssh ... < script` does a script line by line,
and `ssh ... COMMAND` one command: errors go to stderr, those of a script with the number of their line, the exit code
is 1 when a line failed, and `#` begins a comment. A question, such as `Are you sure?: [yes]/no ?> `, takes the next
line as its answer, and the end of the input as no.

**The host key** is a new one at each start, which `ssh` tells as `REMOTE HOST IDENTIFICATION HAS CHANGED`:
`ssh-keygen -R '[127.0.0.1]:7777'` forgets the old one. With `switch.host_key_file` in the lab file the key stays.

**Paths** are written with or without the leading `/`. `cd` goes to a folder; what is not found there is looked for
from the top. Quotes keep a space in a word. A command that does not fit is told with what fits: a stray space
(`domain/voip .local`) and a line that was wrapped when it was copied are recognised, and the right line is shown.

**Who may.** The password is compared in constant time, attempts are paced and logged. As long as it is the
default one, nobody from another machine is let in. The user of the shell is no mediator, and a mediator has no shell:
a domain can't have this user's name. `sorm/info` shows passwords and secrets as `******`, unlike
the vendor's; `--secrets` shows them.

**What takes effect at once.** Calls that run go on as they were set up. `enabled false`, `domain/remove`, and
`radius_servers remove` end the links of mediators that are no longer served; a new RADIUS server gets the reports from
then on. `sorm/set ssh_port` moves both
listeners, MultiSORM's too, and who is connected stays; a port that is in use is refused. A new password counts from
the next login on.

**A new domain** has SORM enabled, and reports to the lab's own mediator until it gets RADIUS servers: so a MultiSORM
user whose pattern it fits has it at once.

**What may come later.** Users, trunks and bridges may name a context or a plan that is not there yet. They are taken
with a note, and calls that need it fail with their reason until it is imported or declared; a context of a plan that
is not declared leaves numbers as they are. What is in use can't be
removed; the answer says by what.

**Files.** `routing/import ecss1 FILE` reads `FILE` in the folder of the lab's directory that has the domain's name,
then in the directory itself, and nothing outside of it. The first context of a domain becomes its default;
`routing/default` sets another. `config/save` writes the switch back to the lab file, or to `FILE` beside it, whose name
ends in `.toml`: the rest of the file and its comments stay, passwords and secrets are in it, and only its owner may
read it. What a lab would not start from is not saved.

**Not here.** No SIP is spoken: `sip/network/set` and the address of a trunk are kept and shown, the login and password
of a SIP user are not kept. Ranges have one digit in each brace: `2001{0-9}`.

The MultiSORM example as a script, and an empty switch for it, are `setup.txt` and `empty.toml` in
`captures/labs/multisorm/`:

```sh
sorm-mediator switch -c captures/labs/multisorm/empty.toml
ssh -p 7777 admin@127.0.0.1 < captures/labs/multisorm/setup.txt
```

## Commands

`help` lists them, `help PATH` those of a folder, `lang ru` or `help --lang ru` in Russian. `<D>` is a domain,
`<CLUSTER>` is `ds1`.
"""

_TITLES = {
    "domain": "Domains",
    "sorm": "SORM parameters of the switch",
    "bridge": "Bridges",
    "cluster": "The licence",
    "config": "The configuration",
}


def page() -> str:
    """The whole page."""
    return _TOP + "\n".join(_sections()) + "\n"


def _sections() -> Iterator[str]:
    ordered = sorted(commands(), key=lambda command: [*_TITLES, ""].index(_top(command)))
    for top, found in groupby(ordered, key=_top):
        yield f"\n### {_TITLES.get(top, 'The shell itself')}\n"
        yield "| command | does | |"
        yield "|---|---|---|"
        for command in found:
            yield f"| `{command.usage.replace('|', chr(92) + '|')}` | {command.en} | {command.help('ru')} |"


def _top(command: Command) -> str:
    top, slash, _ = command.path.partition("/")
    return top if slash else ""
