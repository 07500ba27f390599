"""The page of the switch's shell: its commands from their declarations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sorm_mediator.switch.shell.command import Command
from sorm_mediator.switch.shell.session import commands

_TOP = """\
# The switch's shell

The emulated switch has the command line of an ECSS-10, over SSH, on the port that mediators use for one domain. Its
user is `[switch.admin]` of the [lab file](configuration.md). Commands take effect at once.

```console
$ sorm-mediator lab captures/labs/laptop.toml
{"ready": true, ...}
$ ssh -p 7777 admin@127.0.0.1
admin@mycelium1@ecss1:/$ domain/test.domain/sorm/set enabled true
OK

[exec at: 04.03.2021 10:44:19, exec time: 1ms, nodes: ds1@ecss1 v.0.1.0]
admin@mycelium1@ecss1:/$ exit
```

**With a terminal**, lines can be edited, the arrows go through the history, and Tab completes paths, names and
parameters. Ctrl-C drops a line or a question; Ctrl-D or `exit` ends the session. **Without a terminal**, `ssh ... <
script` carries out a script line by line, and `ssh ... COMMAND` one command. Errors go to stderr. In a script errors
have the number of their line, and a line `line 3:` stands before each `OK`. The exit code is 1 when a line failed. `#`
begins a comment. A question, such as `Are you sure?: [yes]/no ?> `, takes the next line as its answer, and the end of
the input as no.

A long answer comes page by page on a terminal: Enter shows more, `q` no more, and any other line is the next
command. `| include TEXT` (or `grep`) and `| exclude TEXT` choose lines of an answer. `?` alone, before or behind a
command is `help`. `clear` or Ctrl-L empties the screen.

**The host key** is kept in the file `switch.host_key_file`, as in the labs of `sorm-mediator init` and of `lab` without
a file. Without that key it is a new one at each start, and `ssh` then reports `REMOTE HOST IDENTIFICATION HAS CHANGED`:
`ssh-keygen -R '[127.0.0.1]:7777'` removes the old one.

**Paths** are written with or without the leading `/`. `cd` goes to a folder. A path that is not found there is looked
up from the top. Quotes keep a space in a word. The error of a command that does not fit shows its usage. A stray
space (`domain/voip .local`) and a line that was wrapped when it was copied are recognised, and the error shows the
corrected line.

**Logging in.** The password is compared in constant time; attempts are paced and logged. The default password admits
users of this machine only. The user of the shell is not a mediator, and a mediator has no shell: a domain can't have
the name of this user. A public key in `switch.admin.authorized_keys`, a line of OpenSSH or a file of such lines, admits
the user without a password: `ssh -i ~/.ssh/id_ed25519 -p 7777 admin@127.0.0.1`. A key that is not there counts as a
wrong password: after three tries the connection ends, so where an agent holds many keys add `-o IdentitiesOnly=yes`.
`password_login = false` switches the password off. Keys are read when the switch starts.

**Administrators of domains.** `[[switch.admins]]` names users with their password and their domains:

```toml
[[switch.admins]]
user = "petrov"
password = "..."
domains = ["test.domain"]
```

Such a user has the right `ecss-DOMAIN-domain-admin` for each of them, as the vendor calls it, and enters the commands
below `domain/DOMAIN/`. `domain/list` and `call/...` are about the own domains. All other commands need the user of
`[switch.admin]`. A command without its right is refused with the name of the right; `rights` shows those that one has.

`sorm/info` shows passwords and secrets as `******`, unlike that of the vendor; `--secrets` shows them.

**Running calls and connections.** Calls go on as they were set up. `enabled false`, `domain/remove`, and
`radius_servers remove` disconnect the mediators that are no longer served. A new RADIUS server gets the reports from
then on. `sorm/set ssh_port` moves both listeners, that of MultiSORM too; connections stay, and a port in use is
refused. A new password applies from the next login on.

**A new domain** has SORM enabled, and reports to the lab's own mediator until it gets RADIUS servers. So a MultiSORM
user with a pattern that fits the domain has it at once.

**Names that do not exist yet.** Users, trunks and bridges may name a context or a plan that is imported or declared
later. Such a command is carried out and prints a note. Until the name exists, calls that need it fail with their
reason; a context of a plan that is not declared leaves numbers as they are. An item in use can't be removed; the
error names its users.

**Files.** `routing/import ecss1 FILE` reads `FILE` from the folder with the domain's name in the lab's directory, else
from the directory itself, and from nowhere else. The first context of a domain becomes its default;
`routing/default` sets another. `config/save` writes the switch back to the lab file, or to `FILE` beside it, with a
name that ends in `.toml`. The rest of the file and its comments stay. The file contains passwords and secrets, and
only its owner may read it. A configuration that a lab would not start from is not saved.

**Not in the emulator.** The switch has no SIP: `sip/network/set` and the address of a trunk are kept and shown only;
the login and password of a SIP user are not kept. Ranges have one digit in each brace: `2001{0-9}`.

The MultiSORM example as a script, and an empty switch for it, are `setup.txt` and `empty.toml` in
`captures/labs/multisorm/`:

```sh
sorm-mediator switch -c captures/labs/multisorm/empty.toml
ssh -p 7777 admin@127.0.0.1 < captures/labs/multisorm/setup.txt
```

## Commands

`help` lists all commands, `help PATH` those of a folder; `help --lang ru` is in Russian, and after `lang ru` every
`help` is. `<D>` is a domain, `<CLUSTER>` is `ds1`.
"""

_TITLES = {
    "domain": "Domains",
    "sorm": "SORM parameters of the switch",
    "bridge": "Bridges",
    "cluster": "The licence",
    "system": "What is in use of the licence",
    "licence": "Licences of stations and of a network",
    "config": "The configuration",
    "call": "Calls",
    "sipteco": 'Tenants of the virtual PBX (`switch.profile = "sipteco"` only)',
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
            yield f"| `{command.usage.replace('|', chr(92) + '|')}` | {command.summary} | {command.help('ru')} |"


def _top(command: Command) -> str:
    if command.profile:
        return command.profile
    top, slash, _ = command.path.partition("/")
    return top if slash else ""
