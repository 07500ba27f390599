"""What a user types, and what the shell answers."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sorm_mediator import __version__
from sorm_mediator.switch.shell.command import (
    Command,
    Invocation,
    ShellContext,
    executed,
    fit,
    form_of,
    format_table,
)
from sorm_mediator.switch.shell.parser import NotUnderstood, split
from sorm_mediator.switch.shell.session import MOST_HISTORY, ShellSession, commands
from tests.switch.shell.conftest import Typist

NOW = 1_614_829_459.0
V = "domain/voip.local"


# --- words and forms


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a b  c\t d", ["a", "b", "c", "d"]),
        ("a 'b c' \"d e\"", ["a", "b c", "d e"]),
        ("a\\ b ''", ["a b", ""]),
        ('\'a\\b\' "a\\"b"', ["a\\b", 'a"b']),
        ("пароль \\", ["пароль", "\\"]),
        ("", []),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert split(line) == words


def test_a_quote_that_is_never_closed() -> None:
    with pytest.raises(NotUnderstood, match="the ' is never closed"):
        split("a 'b")


def test_words_in_a_form() -> None:
    form = form_of("<PLAN> --alias <LOCAL> [<GROUP>] [--master|--passive] [--number <N>]")
    words = fit(form, ["city", "--master", "--alias", "200100", "--number", "7", "g"])
    assert words.values == {"PLAN": "city", "LOCAL": "200100", "GROUP": "g"}
    assert words.flags == {"--master": "", "--number": "7"}


def test_many_words() -> None:
    assert fit(form_of("add <NAME> <DOMAIN>..."), ["add", "u", "*", "-test"]).many == {
        "DOMAIN": ("*", "-test")
    }


# --- what is not understood


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("domain/declare x .y",
         "'.y' is one word too many. Usage: domain/declare <NAME>. A space too many? domain/declare x.y"),
        ("domain/voip .local/sorm/set enabled true", "A space too many? domain/voip.local/sorm/set enabled true"),
        ("domain/voip. local/sorm/info", "A space too many? domain/voip.local/sorm/info"),
        (f"{V}/sorm/set radius_servers add 127.0.0.1",
         "<SECRET> is missing. Usage: domain/<D>/sorm/set radius_servers add <ADDRESS> <SECRET>. "
         "If the line was wrapped when it was copied, write it as one line"),
        (f"{V}/sorm/set",
         "radius_servers is missing; <PARAMETER> is missing. Usage: domain/<D>/sorm/set radius_servers add "),
        (f"{V}/sorm/sett x",
         "there is no command 'domain/voip.local/sorm/sett'; did you mean domain/voip.local/sorm/set?"),
        ("domain/lst",
         "there is no domain 'lst'; there are: central_voip, local.voip, voip.local; did you mean domain/list?"),
        (f"{V}/sorm", "domain/voip.local/sorm: is not a command but a folder; in it: clean, info, set"),
        ("frobnicate", "there is no command 'frobnicate'; help lists all"),
        ("domain/nowhere/sorm/info", "there is no domain 'nowhere'; there are: central_voip, local.voip, voip.local"),
        ("cluster/storage/ds2/licence/list-licence", "there is no cluster with the role STORAGE 'ds2'; there are: ds1"),
        ("lang de", "'de' is not en or ru"),
        ("cd nowhere", "there is no folder 'nowhere'; ls shows what there is"),
        ("ls nowhere", "there is no folder 'nowhere'; ls / shows what there is"),
        ("help nowhere", "there is no command 'nowhere'; help lists all"),
        ("help --lang de", "--lang: 'de' is not allowed: en or ru"),
        (f"{V}/sorm/info 'x", "the ' is never closed"),
    ],
)  # fmt: skip
def test_not_understood(typist: Any, line: str, said: str) -> None:
    assert said in typist.is_refused(line)


def test_the_rest_of_a_wrapped_line(typist: Any) -> None:
    typist.is_refused(f"{V}/sorm/set radius_servers add 127.0.0.1")
    assert f"In one line: {V}/sorm/set radius_servers add 127.0.0.1 2testing123" in typist.is_refused(
        "2testing123"
    )


def test_the_rest_of_a_wrapped_line_whose_beginning_was_whole(typist: Any) -> None:
    typist.gets("sorm/set aggregate_sorm_settings add other p central_voip")
    said = typist.is_refused("local.voip")
    assert "In one line: sorm/set aggregate_sorm_settings add other p central_voip local.voip" in said


def test_a_line_wrapped_twice_with_a_stray_space(typist: Any) -> None:
    said = typist.is_refused("domain/voip .local/np/numbers/bind city")
    assert said.endswith("A space too many? domain/voip.local/np/numbers/bind city")
    assert typist.is_refused("73832700009").endswith("wrapped when it was copied? Write it all in one line")
    said = typist.is_refused("--alias 200100 voip.local i")
    assert said.endswith(f"In one line: {V}/np/numbers/bind city 73832700009 --alias 200100 voip.local i")


def test_a_line_of_its_own_continues_none(typist: Any) -> None:
    typist.gets(f"{V}/sip/network/set ip_set [one]")
    assert typist.is_refused("domain/nowhere/sip/network/set ip_set [two]") == (
        "there is no domain 'nowhere'; there are: central_voip, local.voip, voip.local"
    )


# --- where one is


@pytest.mark.parametrize(
    "line", [f"/{V}/np/list", f"{V}/np/list", f"{V}//np/../np/list", f"/../{V}/np/./list"]
)
def test_paths(typist: Any, line: str) -> None:
    assert "│city│2      │" in typist.gets(line)


def test_moving_about(typist: Any) -> None:
    shell = typist.shell
    assert shell.prompt == "admin@mycelium1@ecss1:/$ "
    typist.gets(f"cd {V}")
    assert shell.prompt == "admin@mycelium1@ecss1:/domain/voip.local$ "
    assert typist.gets("pwd") == "/domain/voip.local\n"
    assert typist.gets("ls") == "call/\nnp/\nrouting/\nsip/\nsorm/\nss/\ntrunk/\n"
    assert "voip.local" in typist.gets("sorm/info")
    assert "│c2v" in typist.gets("bridge/list")  # from the top, since it isn't here
    typist.gets("cd ../central_voip")
    assert "central_voip" in typist.gets("sorm/info")
    typist.gets("cd")
    assert shell.prompt == "admin@mycelium1@ecss1:/$ "


def test_history_has_the_last_lines(typist: Any) -> None:
    typist.gets("ls", *["pwd"] * (MOST_HISTORY - 1))
    assert "  ls\n" not in typist.gets("history")
    assert len(typist.shell.state.history) == MOST_HISTORY


def test_history(typist: Any) -> None:
    typist.gets("pwd", "# a comment", "", "ls")
    assert typist.gets("history") == "    1  pwd\n    2  ls\n    3  history\n"


def test_leaving(typist: Any) -> None:
    assert typist.shell.enter("exit").ended
    assert not typist.shell.enter("pwd").ended


# --- completion


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("dom", "domain/"),
        ("/dom", "/domain/"),
        ("domain/v", "domain/voip.local/"),
        ("domain/dec", "domain/declare "),
        (f"{V}/so", f"{V}/sorm/"),
        (f"{V}/sorm/set st", f"{V}/sorm/set strict_"),
        (f"{V}/sorm/set radius_servers a", f"{V}/sorm/set radius_servers add "),
        (f"{V}/sorm/clean enab", f"{V}/sorm/clean enabled "),
        (f"{V}/np/numbers/bind ", f"{V}/np/numbers/bind city "),
        (f"{V}/np/numbers/bind city 1 --a", f"{V}/np/numbers/bind city 1 --alias "),
        (f"{V}/np/numbers/bind city 1 --alias 2001", f"{V}/np/numbers/bind city 1 --alias 2001"),
        (f"{V}/np/numbers/bind city 1 --alias 200100 --m", f"{V}/np/numbers/bind city 1 --alias 200100 --master "),
        (f"{V}/np/numbers/bind city 1 --bridge c2l", f"{V}/np/numbers/bind city 1 --bridge c2l"),
        (f"{V}/routing/import ", f"{V}/routing/import ecss1 "),
        (f"{V}/routing/show from", f"{V}/routing/show from_v2c "),
        (f"{V}/routing/trace cgpn.d", f"{V}/routing/trace cgpn.digits="),
        (f"{V}/routing/trace cgpn.digits=1 cdpn.d", f"{V}/routing/trace cgpn.digits=1 cdpn.digits="),
        ("bridge/declare n t", "bridge/declare n true "),
        ("bridge/remove c2l", "bridge/remove c2l"),
        ("sorm/set aggregate_sorm_settings remove m", "sorm/set aggregate_sorm_settings remove multi "),
        ("sorm/set aggregate_sorm_settings add u p central_voip v",
         "sorm/set aggregate_sorm_settings add u p central_voip voip.local "),
        ("help domain/cen", "help domain/central_voip/"),
        ("cluster/storage/ds1/lic", "cluster/storage/ds1/licence/"),
        ("xyz", "xyz"),
        ("pwd ", "pwd "),
        ("domain/nowhere/np/numbers/add ", "domain/nowhere/np/numbers/add "),
        ("'", "'"),
    ],
)  # fmt: skip
def test_completion(typist: Any, line: str, becomes: str) -> None:
    completed, position, _ = typist.shell.complete(line, len(line))
    assert (completed, position) == (becomes, len(becomes))


def test_choices_are_shown_when_nothing_is_certain(typist: Any) -> None:
    assert typist.shell.complete("bridge/remove c2l", 17)[2] == ["c2l", "c2l_inter"]
    assert typist.shell.complete("domain/", 7)[2] == [
        "domain/central_voip/", "domain/declare", "domain/list", "domain/local.voip/", "domain/remove",
        "domain/voip.local/",
    ]  # fmt: skip


def test_what_follows_the_cursor_stays(typist: Any) -> None:
    assert typist.shell.complete("dom/np", 3) == ("domain//np", 7, [])


def test_completion_knows_where_one_is(typist: Any) -> None:
    typist.gets(f"cd {V}")
    assert typist.shell.complete("np/numb", 7)[0] == "np/numbers/"
    assert typist.shell.complete("bri", 3)[0] == "bridge/"


# --- tables and the last line


def test_a_table_as_in_the_documentation() -> None:
    """ECSS-10 manual, SORM parameters of a domain: ``/domain/p.city/sorm/info``."""
    rows = [
        ("adaptation", "p.city", "ctx_sorm"),
        ("radius_servers", "p.city", '"192.168.23.235": "2testing123"'),
    ]
    assert format_table(("Property", "Domain", "Value"), rows).splitlines() == [
        "┌──────────────┬──────┬───────────────────────────────┐",
        "│   Property   │Domain│             Value             │",
        "├──────────────┼──────┼───────────────────────────────┤",
        "│adaptation    │p.city│ctx_sorm                       │",
        '│radius_servers│p.city│"192.168.23.235": "2testing123"│',
        "└──────────────┴──────┴───────────────────────────────┘",
    ]


def test_what_would_move_the_cursor_is_shown_as_text() -> None:
    assert "a\\x1b[2Jb" in format_table(("x",), [("a\x1b[2Jb",)])


@pytest.mark.parametrize(("took", "told"), [(0.032, "32ms"), (9.736, "9s 736ms"), (0.0, "0ms")])
def test_the_last_line(took: float, told: str) -> None:
    when = datetime.fromtimestamp(NOW).astimezone().strftime("%d.%m.%Y %H:%M:%S")
    assert executed(NOW, took, "3.14") == f"[exec at: {when}, exec time: {told}, nodes: ds1@ecss1 v.3.14]"


def test_every_command_of_the_switch_ends_with_it(typist: Any) -> None:
    lines = typist.gets("domain/list").splitlines()
    when = r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d"
    where = re.escape(f"nodes: ds1@ecss1 v.{__version__}")
    assert re.fullmatch(rf"\[exec at: {when}, exec time: 500ms, {where}\]", lines[-1])


# --- questions


def _asks(call: Invocation) -> Any:
    answer = yield "Are you sure?: [yes]/no ?> "
    return f"answered {answer}"


def _session(monkeypatch: pytest.MonkeyPatch, typist: Any) -> ShellSession:
    asking = Command("ask", "", _asks, "Ask", "Спросить")
    monkeypatch.setattr("sorm_mediator.switch.shell.session.commands", lambda: (*commands(), asking))
    return ShellSession(ShellContext(node=typist.node, clock=lambda: NOW, stopwatch=lambda: 0.0))


def test_a_question_takes_the_next_line(monkeypatch: pytest.MonkeyPatch, typist: Any) -> None:
    shell = _session(monkeypatch, typist)
    assert shell.enter("ask").text == ""
    assert shell.asking
    assert shell.prompt == "Are you sure?: [yes]/no ?> "
    assert shell.complete("y", 1) == ("y", 1, [])
    assert shell.enter("yes").text.startswith("answered yes\n\n[exec at: ")
    assert not shell.asking


def test_a_question_that_nobody_answers(monkeypatch: pytest.MonkeyPatch, typist: Any) -> None:
    shell = _session(monkeypatch, typist)
    shell.enter("ask")
    assert shell.interrupt().error == "Error: not done: interrupted\n"
    shell.enter("ask")
    assert shell.end().error == "Error: not done: there was no answer\n"
    assert not shell.asking
    assert shell.interrupt().error == ""


# --- help


def test_help_in_both_languages(typist: Any) -> None:
    assert "bridge/remove <BRIDGE>\n    Remove a bridge\n" in typist.gets("help bridge")
    assert typist.gets("help bridge/remove --lang ru") == "bridge/remove <BRIDGE>\n    Удалить бридж\n"
    typist.gets("lang ru")
    assert typist.gets("help /bridge/remove") == "bridge/remove <BRIDGE>\n    Удалить бридж\n"
    assert (
        typist.gets("help domain/voip.local/np/list") == "domain/<D>/np/list\n    Список планов нумерации\n"
    )


def test_help_lists_every_command(typist: Any) -> None:
    told = typist.gets("help")
    for command in commands():
        here = command.profile in ("", "ecss10")
        assert (f"{command.usage}\n    {command.summary}\n" in told) == here


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.usage)
def test_every_command_is_declared_well(command: Command) -> None:
    assert command.summary.strip(".") == command.summary != ""
    assert re.search("[а-я]", command.help("ru"))
    form = form_of(command.arguments)
    places = [token for token in form.tokens if token.many]
    assert not places or form.tokens[-1] is places[-1]
    assert command.path == command.path.strip("/")


# --- what is shown


def test_secrets_are_masked_unless_asked_for(typist: Any) -> None:
    typist.gets(f"{V}/sorm/set password 12345", f"{V}/sorm/set radius_servers add 127.0.0.9:1814 hush")
    masked = typist.gets(f"{V}/sorm/info")
    assert "12345" not in masked
    assert '│"127.0.0.9:1814": "******"' in masked
    shown = typist.gets(f"{V}/sorm/info --secrets")
    assert "│12345 " in shown
    assert '│"127.0.0.9:1814": "hush"│' in shown
    assert '"multi": "******", central_voip voip.local local.voip' in typist.gets("sorm/info")
    assert '"multi": "multi", central_voip' in typist.gets("sorm/info --secrets")
    assert "│multi│******  │" in typist.gets("sorm/set aggregate_sorm_settings list")


def test_what_there_is(typist: Any) -> None:
    typist.gets(f"{V}/sorm/clean radius_servers")
    assert "(the lab's own mediator)" in typist.gets(f"{V}/sorm/info")
    assert "│voip.local  │true│2          │0     │3       │1    │2      │voip.local.set1│" in typist.gets(
        "domain/list"
    )
    assert "│200100│200100@voip.local│voip.local│default_routing│good│" in typist.gets(f"{V}/sip/user/list")
    assert "│1     │trunk1│192.168.118.119:5060│default_routing│" in typist.gets(
        "domain/central_voip/trunk/sip/list"
    )
    assert "│ip_set  │voip.local.set1│" in typist.gets(f"{V}/sip/network/info")
    assert "│73832700000│200100│" in typist.gets(f"{V}/np/numbers/list city")
    assert "│c2v      │true  │true  │0 of unbounded│central_voip, city, bridge:c2v, " in typist.gets(
        "bridge/list"
    )
    shown = typist.gets(f"{V}/routing/show")
    assert "│default_routing│    │4    │true   │voip.local/ctx_default_routing_multi.xml│" in shown
    rules = typist.gets(f"{V}/routing/show default_routing")
    assert "│cgpn digits=2?????; cdpn digits=3?????     │" in rules
    assert "│external bridge:v2c_inter│" in rules
    assert "│continue to_city" in rules
    assert "cgpn sorm_digits={1,2,3,4,5,6} sorm_ni=private; cdpn sorm_digits=" in rules
    assert "Routing result: local" in typist.gets(f"{V}/routing/trace cgpn.digits=200100 cdpn.digits=200119")


def test_a_port_where_nothing_listens(typist: Any) -> None:
    shell = ShellSession(ShellContext(node=typist.node, clock=lambda: NOW, stopwatch=lambda: 0.0))
    assert shell.enter("sorm/set ssh_port 7000").error == (
        "Error: ssh_port: 7000: nothing listens here; set switch.ssh_port in the lab file\n"
    )


def test_the_listeners_move_before_the_port_is_kept(typist: Any) -> None:
    typist.gets("sorm/set ssh_port 7000")
    assert typist.moved == [7000]
    assert typist.node.config.ssh_port == 7000


def test_an_answer_is_filtered(typist: Any) -> None:
    whole = typist.gets(f"{V}/sip/user/list")
    one = typist.gets(f"{V}/sip/user/list | include 200100")
    assert [line for line in whole.splitlines() if "200100" in line] == one.splitlines()[:-2]
    assert typist.gets(f"{V}/sip/user/list | grep  200100").splitlines()[:-1] == one.splitlines()[:-1]
    without = typist.gets(f"{V}/sip/user/list | exclude 200100")
    assert "200100" not in without
    assert "Number" in without
    for line in ("help |", "help | sort", "help | include", "| include x"):
        assert typist.is_refused(line).startswith("behind | stands one of grep, include, exclude with a text")


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("?", "help"),
        ("? domain", "help domain"),
        ("domain/?", "help domain"),
        ("domain/list ?", "help domain/list"),
        ("domain/declare x ?", "help domain/declare"),
    ],
)
def test_a_question_mark_is_help(typist: Any, line: str, same: str) -> None:
    assert typist.gets(line) == typist.gets(same)


def test_clear_empties_the_screen(typist: Any) -> None:
    outcome = typist.shell.enter("clear")
    assert (outcome.cleared, outcome.text, outcome.error) == (True, "", "")
    assert not typist.shell.enter("pwd").cleared


def test_the_list_of_subscribers_shows_their_services(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    services = "{ cfb = '2', cfu = '3', hold = true, 3pty = true }"
    file.write_text(
        f"[[switch.domains]]\nname = 'd'\nsubscribers = [{{ number = '1', services = {services} }}]\n"
    )
    typist = Typist(file)
    assert "│cfu=3, cfb=2, hold, 3pty│" in typist.gets("domain/d/sip/user/list")
    del typist.node.domains["d"].subscribers["1"].forwardings["cfu"]
    assert "│cfb=2, hold, 3pty│" in typist.gets("domain/d/sip/user/list")
