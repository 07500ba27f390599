"""The shell's commands for licences: the look of the switch, the question, and what is refused."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from typing import Any

import pytest

from sorm_mediator import config
from sorm_mediator.switch.licence import (
    INFINITY,
    LicenceBody,
    LicenceError,
    Origin,
    encode,
    limit_of,
    make_licence,
    make_passport,
)
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.shell.command import ShellContext
from sorm_mediator.switch.shell.config_commands import written
from sorm_mediator.switch.shell.licence_commands import QUESTION
from sorm_mediator.switch.shell.session import ShellSession

NOW = datetime(2021, 3, 4, 10, 44, 19, tzinfo=UTC).timestamp()
MADE = datetime(2020, 12, 15, 15, 37, tzinfo=UTC).timestamp()
LICENCE = "cluster/storage/ds1/licence"

FACTORY = """\
Description                                     Default licence
Expiration date (UTC)                           no limit
Active                                          true

Cluster virtual
 name                                           '.system_bridge'
Cluster virtual
 name                                           '.virtual'
Cluster mediator
 name                                           md1
 nodes                                          md1@ecss1
Cluster adapter
 name                                           sip1
 type                                           sip
 nodes                                          sip1@ecss1
Cluster adapter
 name                                           megaco1
 type                                           megaco
 nodes                                          megaco1@ecss1
Cluster core
 name                                           core1
 nodes                                          core1@ecss1
 redundancy                                     false
 max call attempts                              5
 max conversation time, sec                     60
Cluster storage
 name                                           ds1
 nodes                                          ds1@ecss1
Cluster bus
 name                                           bus1
 nodes                                          bus1@ecss1
TSMN system
 concurrent calls (active)                      0
 concurrent calls (backup)                      0
 backup mode                                    none
Teleconference
 channels                                       3
 max members of one teleconference              0
 active count                                   0
SORM
 enabled                                        false
SIGTRAN
 SEP                                            false
 STP                                            false
Meet Me
 total count                                    0
 members of the one Meet Me conference          0
IVR
 IVR script's customization enabled (obsolete)  false
GEO backup
 enabled                                        false
Add-on conferences
 total count                                    30
 members of the one add-on conference           16
Chat rooms
 total count                                    30
 members of the one chatroom                    16
Call center
 active agents                                  0
 active supervisors                             0
Channels on dialer outgoing calls               2
Total count of simultaneous records voice calls 0
CDR generation mode(s)                          basic
Virtual subscribers limit                       infinity
Subscribers limit                               10
System alive time without LPM token (min)       1d
"""
"""Licence 0 as the manual prints it (``show-licence 0``)."""

BIYSK: dict[str, Any] = {
    "md1.nodes": "md1@ecss1,md1@ecss2",
    "sip1.nodes": "sip1@ecss1,sip1@ecss2",
    "megaco1.nodes": "megaco1@ecss1,megaco1@ecss2",
    "core1.nodes": "core1@ecss1,core1@ecss2",
    "core1.redundancy": True,
    "concurrent_calls": 2100,
    "max_conversation_time": 86400,
    "ds1.nodes": "ds1@ecss1,ds1@ecss2",
    "bus1.nodes": "mycelium1@ecss1,mycelium1@ecss2",
    "tsmn.active": 5,
    "tsmn.backup": 4,
    "tsmn.backup_mode": "backup",
    "teleconference.channels": 200,
    "teleconference.members": 199,
    "teleconference.count": 26,
    "package.ECSS-ADV": 1300,
    "package.ECSS-GEN": 1300,
    "sorm_channels": 20,
    "meet_me.count": 20,
    "meet_me.members": 40,
    "ivr.customization": True,
    "addon.count": 10,
    "addon.members": 30,
    "chatroom.count": 20,
    "chatroom.members": 40,
    "cc.look_at_queue": True,
    "cc.intervention": True,
    "cc.agents": 100,
    "cc.supervisors": 10,
    "dialer.channels": 10,
    "records": 200,
    "cdr": "basic, sorm3",
    "subscribers": 2000,
}
"""The licence of the manual's examples, with two of its packages of services."""

CURRENT = """\
Cluster virtual
 name                                             '.system_bridge'
Cluster virtual
 name                                             '.virtual'
Cluster mediator
 name                                             md1
 nodes                                            md1@ecss1,md1@ecss2
Cluster adapter
 name                                             sip1
 type                                             sip
 nodes                                            sip1@ecss1,sip1@ecss2
Cluster adapter
 name                                             megaco1
 type                                             megaco
 nodes                                            megaco1@ecss1,megaco1@ecss2
Cluster core
 name                                             core1
 nodes                                            core1@ecss1,core1@ecss2
 redundancy                                       true
 max call attempts                                2100
 max conversation time, sec                       86400
Cluster storage
 name                                             ds1
 nodes                                            ds1@ecss1,ds1@ecss2
Cluster bus
 name                                             bus1
 nodes                                            mycelium1@ecss1,mycelium1@ecss2
TSMN system
 concurrent calls (active)                        5
 concurrent calls (backup)                        4
 backup mode                                      backup
Teleconference
 channels                                         200
 max members of one teleconference                199
 active count                                     26
Supplementary Services licence package(s)
 name                                             'ECSS-ADV'
 limit                                            1300
 description                                      "Дополнительные услуги"
 SS list                                          [4]

 name                                             'ECSS-GEN'
 limit                                            1300
 description                                      "Стандартные услуги (РД 45)"
 SS list                                          [1]

SORM
 enabled                                          true
 channels on SORM mediator                        20
SIGTRAN
 SEP                                              false
 STP                                              false
Meet Me
 total count                                      20
 members of the one Meet Me conference            40
IVR
 IVR script's customization enabled (obsolete)    true
GEO backup
 enabled                                          false
Add-on conferences
 total count                                      10
 members of the one add-on conference             30
Chat rooms
 total count                                      20
 members of the one chatroom                      40
Call center
 operator's capability for look at calls in queue true
 operator's capability for use Intervension SS    true
 active agents                                    100
 active supervisors                               10
Channels on dialer outgoing calls                 10
Total count of simultaneous records voice calls   200
CDR generation mode(s)                            basic, sorm3
Virtual subscribers limit                         infinity
Subscribers limit                                 2000
System alive time without LPM token (min)         1d
Sorm enabled                                      true
"""
"""``current-limits`` of the manual, with the line that its chapter on SORM looks at."""

DIFFERENCES = """\
┌─┬──────────────────┬─────────┬─────────┐
│A│   Description    │Old Value│New Value│
├─┼──────────────────┼─────────┼─────────┤
│^│Cluster core      │         │         │
│^│ max call attempts│2100     │2000     │
└─┴──────────────────┴─────────┴─────────┘
Legend:

    '^' - Changed;
    '-' - Deleted;
    '+' - New.
"""
"""The table of ``add`` in the manual."""


def key(description: str = "Biysk Test", expires: date | None = date(2021, 12, 31), **limits: Any) -> str:
    return make_licence(limits, ssw_id="ECSS 010079", description=description, expires=expires, now=MADE)


class Shell:
    """A shell whose clock stands at the manual's moment."""

    def __init__(self, *licences: str, **licence: Any) -> None:
        table = {
            "licence": {"ssw_id": "ECSS 010079"} | licence,
            "licences": [{"number": n, "key": text} for n, text in enumerate(licences, 2)],
        }
        parsed = config.parse({"switch": table})
        assert parsed.switch is not None
        self.node = Node(parsed.switch)
        self.now = NOW
        self.session = ShellSession(
            ShellContext(node=self.node, clock=lambda: self.now, stopwatch=lambda: 0.0)
        )

    def enter(self, line: str) -> str:
        """What a line shows, without the line that ends each command; or its error."""
        entered = self.session.enter(line)
        text, mark, _ = entered.text.partition("\n[exec at: ")
        assert mark or entered.error or self.session.asking
        return entered.error or text

    def licence(self, command: str) -> str:
        return self.enter(f"{LICENCE}/{command}")


def test_the_factory_licence_looks_as_in_the_manual() -> None:
    assert Shell(installed=False).licence("show-licence 0") == FACTORY


def test_the_current_limits_look_as_in_the_manual() -> None:
    assert Shell(key(**BIYSK)).licence("current-limits") == CURRENT


@pytest.mark.parametrize(
    ("limits", "told"), [({}, "true"), ({"sorm_enabled": False}, "false"), ({"sorm_channels": 0}, "false")]
)
def test_the_line_sorm_enabled_says_whether_mediators_are_let_in(limits: dict[str, Any], told: str) -> None:
    last = Shell(**limits).licence("current-limits").splitlines()[-1]
    assert last.split("  ")[0] == "Sorm enabled"
    assert last.endswith(f" {told}")


def test_a_licence_shows_its_own_rows_and_with_details_all_that_hold() -> None:
    shell = Shell(key(sorm_channels=20, asr=True))

    assert shell.licence("show-licence 2") == (
        "SSW ID                                               ECSS 010079\n"
        "Description                                          Biysk Test\n"
        "Creation date                                        15.12.2020 15:37:00\n"
        "Expiration date (UTC)                                31.12.2021 23:59:59\n"
        "Author                                               sorm-mediator\n"
        "Author IP                                            127.0.0.1\n"
        "Encoder user                                         sorm-mediator\n"
        "Encoder host                                         localhost\n"
        "Encoder IP                                           127.0.0.1\n"
        "Active                                               true\n"
        "\n"
        "SORM\n"
        " enabled                                             true\n"
        " channels on SORM mediator                           20\n"
        "Automatic Speech Recognition (ASR) subsystem enabled true\n"
    )
    details = shell.licence("show-licence --details 2")
    assert " max call attempts                                   5\n" in details
    assert details.endswith(
        "This switch keeps to: concurrent_calls, max_conversation_time, sorm_enabled, sorm_channels, subscribers, "
        "lpm_time; the other limits are shown only.\n"
    )


BIYSK_ORIGIN = {
    "author": "ssw",
    "author_ip": ("172.16.0.51", "127.0.0.1"),
    "encoder_user": "ssw",
    "encoder_host": "droid",
    "encoder_ip": ("172.16.0.51", "127.0.0.1"),
}


def test_the_origin_of_a_licence_looks_as_in_the_manual() -> None:
    """All lines of ``show-licence 1``, whose licence is that of the lab file."""
    issued = {"created": datetime(2020, 12, 15, 15, 37, tzinfo=UTC)} | BIYSK_ORIGIN
    shell = Shell(description="Biysk Test", expires=date(2021, 12, 31), issued=issued)

    assert shell.licence("show-licence 1").partition("\n\n")[0] == (
        "SSW ID                                    ECSS 010079\n"
        "Description                               Biysk Test\n"
        "Creation date                             15.12.2020 15:37:00\n"
        "Expiration date (UTC)                     31.12.2021 23:59:59\n"
        "Author                                    ssw\n"
        "Author IP                                 172.16.0.51\n"
        "                                          127.0.0.1\n"
        "Encoder user                              ssw\n"
        "Encoder host                              droid\n"
        "Encoder IP                                172.16.0.51\n"
        "                                          127.0.0.1\n"
        "Active                                    true"
    )


def test_the_passport_looks_as_in_the_manual() -> None:
    made = make_passport(
        ssw_id="ECSS 010079",
        description="Biysk Test",
        now=datetime(2014, 10, 3, 6, 2, 55, tzinfo=UTC).timestamp(),
        origin=Origin(**BIYSK_ORIGIN),
    )

    assert Shell(passport=made).licence("show-passport") == (
        "SSW ID              ECSS 010079\n"
        "Description         Biysk Test\n"
        "Create date         03.10.2014 06:02:55\n"
        "Author              ssw\n"
        "Author IP           172.16.0.51\n"
        "                    127.0.0.1\n"
        "Encoder user        ssw\n"
        "Encoder hostname    droid\n"
        "Encoder IP          172.16.0.51\n"
        "                    127.0.0.1\n"
        "Encoder create date 03.10.2014 06:02:55\n"
    )


def test_a_key_of_before_has_no_lines_for_what_it_does_not_hold() -> None:
    body = LicenceBody(ssw_id="ECSS 010079", description="old", limits={"sorm_channels": 1})
    told = Shell(encode(body)).licence("show-licence 2")
    assert "Author" not in told
    assert "Encoder" not in told


def test_clusters_have_the_names_of_the_licence() -> None:
    clusters = {
        "cluster.mediator.md7": "md7@north,md7@south",
        "cluster.adapter.sip.sip7": "sip7@north",
        "cluster.adapter.pa.pa1": "pa1@south",
        "cluster.core.core7": "core7@north,core7@south",
        "cluster.core.core8": "core8@north",
        "cluster.storage.ds7": "ds7@north,ds7@south",
        "concurrent_calls": 7,
    }
    shell = Shell(key(**clusters))

    assert shell.enter("cluster/storage/ds7/licence/current-limits").startswith(
        "Cluster virtual\n"
        " name                                           '.system_bridge'\n"
        "Cluster virtual\n"
        " name                                           '.virtual'\n"
        "Cluster mediator\n"
        " name                                           md7\n"
        " nodes                                          md7@north,md7@south\n"
        "Cluster adapter\n"
        " name                                           sip7\n"
        " type                                           sip\n"
        " nodes                                          sip7@north\n"
        "Cluster adapter\n"
        " name                                           pa1\n"
        " type                                           pa\n"
        " nodes                                          pa1@south\n"
        "Cluster core\n"
        " name                                           core7\n"
        " nodes                                          core7@north,core7@south\n"
        " redundancy                                     false\n"
        " max call attempts                              7\n"
        " max conversation time, sec                     60\n"
        "Cluster core\n"
        " name                                           core8\n"
        " nodes                                          core8@north\n"
        "Cluster storage\n"
        " name                                           ds7\n"
        " nodes                                          ds7@north,ds7@south\n"
        "Cluster bus\n"
        " name                                           bus1\n"
    )
    assert shell.licence("list-licence").count("Biysk Test") == 1, "ds1 is the cluster of the factory licence"
    assert "ds7, ds1" in shell.enter("cluster/storage/ds9/licence/list-licence").replace(
        "ds1, ds7", "ds7, ds1"
    )
    assert "'-'" in (shell.licence(f"add {key(sorm_channels=1)}"), shell.session.prompt)[1]
    rows = [line for line in shell.session.prompt.splitlines() if "core7" in line or "core1" in line]
    assert [row[1] for row in rows] == ["-", "+"]


@pytest.mark.parametrize(
    "name",
    ["cluster.core", "cluster.core.a b", "cluster.dial.x", "cluster.adapter.sip1", "cluster.core.sip.x"],
)
def test_a_cluster_has_a_role_and_a_name(name: str) -> None:
    with pytest.raises(LicenceError, match=r"there is no such limit.*cluster\.ROLE\.NAME"):
        limit_of(name)


def test_the_list_shows_which_is_active() -> None:
    shell = Shell(key())

    assert shell.licence("list-licence") == (
        "┌──┬───────────────┬─────────────────────┬──────┐\n"
        "│Id│  Description  │Expiration date (UTC)│Active│\n"
        "├──┼───────────────┼─────────────────────┼──────┤\n"
        "│0 │Default licence│no limit             │false │\n"
        "│1 │lab licence    │no limit             │false │\n"
        "│2 │Biysk Test     │31.12.2021 23:59:59  │true  │\n"
        "└──┴───────────────┴─────────────────────┴──────┘\n"
    )
    shell.now = datetime(2022, 1, 1, tzinfo=UTC).timestamp()
    assert "│1 │lab licence    │no limit             │true  │" in shell.licence("list-licence")


def test_adding_shows_the_differences_and_asks() -> None:
    shell = Shell(key(**BIYSK))

    shell.licence(f"add {key(**BIYSK | {'concurrent_calls': 2000})}")
    asked = shell.session.prompt
    assert shell.node.licences.active(NOW).number == 2

    assert asked == (
        f"{DIFFERENCES}\n[add] You are trying to add a license that is different from the current one by the "
        f"parameters in the table (other values will remain unchanged).\n{QUESTION}"
    )
    assert shell.enter("yes") == (
        "ok\nlicence 3 is active; what runs already goes on, also beyond its limits\n"
    )
    assert shell.node.licences.active(NOW).limits.concurrent_calls == 2000


def test_rows_that_are_new_and_rows_that_go() -> None:
    shell = Shell(key(**{"sorm_channels": 2, "elph.groups": 1, "cc.agents": 7}))

    shell.licence(f"add {key(**{'sorm_channels': 2, 'package.ECSS-ADV': 5})}")

    rows = [line for line in shell.session.prompt.splitlines() if line[:2] in ("│^", "│+", "│-")]
    assert rows == [
        "│+│Supplementary Services licence package(s)│         │         │",
        "│+│ 'ECSS-ADV' limit                        │         │5        │",
        "│^│Call center                              │         │         │",
        "│^│ active agents                           │7        │0        │",
        "│-│Elph                                     │         │         │",
        "│-│ total count of Elph group               │1        │         │",
    ]


@pytest.mark.parametrize("answer", ["no", "n", " NO "])
def test_adding_is_called_off(answer: str) -> None:
    shell = Shell()
    shell.licence(f"add {key(sorm_channels=1)}")

    assert shell.enter(answer) == "cancelled: the licence has not been added\n"
    assert list(shell.node.licences.installed) == [0, 1]


def test_the_question_is_asked_until_it_is_answered() -> None:
    shell = Shell()
    shell.licence(f"add {key(sorm_channels=1)}")

    shell.enter("perhaps")
    assert shell.session.prompt == QUESTION
    assert shell.enter("").startswith("ok\n"), "an empty line is the answer in brackets"
    assert list(shell.node.licences.installed) == [0, 1, 2]


def test_force_does_not_ask() -> None:
    shell = Shell()

    assert "│^│ channels on SORM mediator │20       │1        │" in shell.licence(
        f"add --force {key(sorm_channels=1)}"
    )
    assert shell.node.licences.active(NOW).limits.sorm_channels == 1


def test_no_diff_does_not_show() -> None:
    shell = Shell()
    shell.licence(f"add --no-diff {key(sorm_channels=1)}")

    assert shell.session.prompt == QUESTION


def test_a_licence_with_the_same_limits_says_so() -> None:
    shell = Shell(key(sorm_channels=2))
    shell.licence(f"add {key(sorm_channels=2, description='the next')}")

    assert shell.session.prompt == f"The limits remain as they are.\n{QUESTION}"


def test_deleting() -> None:
    shell = Shell(key(sorm_channels=2))

    assert shell.licence("delete 2") == "Licence has been deleted\n"
    assert shell.node.licences.active(NOW).number == 1


def test_the_passport() -> None:
    shell = Shell()
    assert shell.licence("show-passport").startswith(
        "SSW ID              ECSS 010079\nDescription         lab passport\nCreate date         01.01.2026 00:00:00\n"
    )

    passport = make_passport(ssw_id="ECSS 010079", description="Biysk Test", now=MADE)
    assert shell.licence(f"set-passport {passport}") == "OK\n"

    told = shell.licence("show-passport")
    assert "\nDescription         Biysk Test\nCreate date         15.12.2020 15:37:00\n" in told
    assert told.endswith("\nEncoder create date 15.12.2020 15:37:00\n")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("delete 0", "licence 0 is the factory licence, and can't be deleted"),
        ("delete 9", "there is no licence 9; there are: 0, 1"),
        ("delete x", "'x' is not a number of a licence; list-licence shows them"),
        ("show-licence 9", "there is no licence 9; there are: 0, 1"),
        ("add hello", "this is not a key of a licence: it begins with LAB1-LICENCE-, then two groups more"),
        (
            "set-passport hello",
            "this is not a key of a passport: it begins with LAB1-PASSPORT-, then two groups more",
        ),
    ],
)
def test_what_is_refused(command: str, said: str) -> None:
    shell = Shell()

    assert shell.licence(command) == f"Error: {said}\n"
    assert not shell.session.asking


def test_another_cluster() -> None:
    said = Shell().enter("cluster/storage/ds2/licence/current-limits")

    assert said == "Error: there is no cluster with the role STORAGE 'ds2'; there are: ds1\n"


def test_the_licence_limits_the_subscribers_declared() -> None:
    shell = Shell(subscribers=2)
    shell.enter("domain/declare d")
    shell.enter("domain/d/sip/user/declare ctx group 10{0-1}@d alias-as-user")

    said = shell.enter("domain/d/sip/user/declare ctx group 102@d alias-as-user")
    assert said == (
        "Error: licence 1 allows 2 subscribers (Subscribers limit): 2 are active, and 1 more would be needed; "
        "remove or deactivate some, declare inactive ones, or add a licence\n"
    )

    shell.licence(f"add --force {key(subscribers=INFINITY)}")
    shell.enter("domain/d/sip/user/declare ctx group 102@d alias-as-user")
    assert list(shell.node.domains["d"].subscribers) == ["100", "101", "102"]


def test_what_was_added_and_deleted_is_saved() -> None:
    shell = Shell(expires="2027-12-31")
    shell.licence(f"add --force {key(sorm_channels=3)}")
    shell.licence("delete 1")

    saved = config.parse(tomllib.loads(written(shell.node.config, ""))).switch

    assert saved is not None
    licences = Node(saved).licences
    assert list(licences.installed) == [0, 2]
    assert licences.active(NOW).limits.sorm_channels == 3
    assert saved.licence.expires == date(2027, 12, 31)
