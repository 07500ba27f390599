"""The trace: the manual's example as it is printed, calls over bridges, and why a call comes nowhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import captures
from sorm_mediator import config
from sorm_mediator.mediator.core.numbers import Numbers
from sorm_mediator.switch.node import Node
from sorm_mediator.switch.trace import (
    TRACE_PARAMETERS,
    LabTrace,
    TraceError,
    document,
    read_request,
    signs_of,
    trace,
    trace_text,
)

LABS = Path(captures.__file__).parent / "labs"
NOW = 1375647507.0
"""04.08.2013 20:18:27 UTC."""
ORDER_70 = config.MediatorConfig.model_validate({"order": "70"})


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def node_of(lab: str, **mediator: Any) -> tuple[Node, LabTrace]:
    loaded = config.load(LABS / lab)
    assert loaded.switch is not None
    node = Node(loaded.switch, loaded.directory)
    settings = config.MediatorConfig.model_validate(mediator)
    return node, LabTrace(settings, Numbers(settings))


def told(domain: str, *arguments: str, lab: str = "multisorm/lab.toml", **mediator: Any) -> dict[str, Any]:
    node, tracer = node_of(lab, **mediator)
    return tracer.document(trace(node.domains, node.domains[domain], read_request(arguments)))


def test_the_example_of_the_manual_as_it_is_printed() -> None:
    node, _ = node_of("minimal.toml")

    text = trace_text(
        node, "test.domain", ["cgpn.digits=28331", "cdpn.digits=89001758964", "mode=enblock"], NOW
    )

    assert text.splitlines() == [
        'Traceroute to 89001758964 from 28331(<<"28331@test.domain">>) at 04.08.2013 20:18:27, final number',
        'Default context is {"test.domain",ctx_from_local}',
        "  ctx_from_local: A 28331, B 89001758964, numbering plan default",
        "    inside: cdpn 89001758964 does not match 28???",
        "    emergency: cdpn 89001758964 does not match 01,02,03,04,10(1-4),112",
        "    to_810: cdpn 89001758964 does not match 810%",
        "    to_8: taken",
        "------------------------------------------",
        "Routing result: external",
        'A: "3832728331"(ni=private, nai=nationalNumber, inc=false, npi=isdnTelephony, '
        "apri=presentationAllowed, screening=networkProvided)",
        'B: "9001758964"(ni=intercity, nai=nationalNumber, inc=false, inni=undefined, npi=undefined)',
        "Options: [{sorm_ni_a,private},",
        '          {sorm_digits_a,"28331"},',
        "          {sorm_ni_b,intercity},",
        '          {sorm_digits_b,"89001758964"}]',
        "Trunk: smg_trunk",
        "",
        "SORM is shown: A 28331 (private), B 89001758964 (intercity); as numbered in test.domain",
    ]


def test_the_example_of_the_manual_as_a_document() -> None:
    found = told("test.domain", "cgpn.digits=28331", "cdpn.digits=89001758964", lab="minimal.toml")

    assert {
        key: found[key] for key in ("result", "via", "a", "b", "sorm", "path", "order", "incomplete")
    } == {
        "result": "external",
        "via": "smg_trunk",
        "a": {"digits": "3832728331", "ni": "private"},
        "b": {"digits": "9001758964", "ni": "intercity"},
        "sorm": {
            "a": {"digits": "28331", "ni": "private", "sign": 1},
            "b": {"digits": "89001758964", "ni": "intercity", "sign": 4},
        },
        "path": [{"domain": "test.domain", "context": "ctx_from_local", "rule": "to_8"}],
        "order": "268",
        "incomplete": False,
    }
    assert "reason" not in found


def test_the_rule_of_the_manual_as_it_is_written(tmp_path: Path) -> None:
    """Subscribers 45???, and the called number routed with 7 (ECSS-10 manual, Routing for SORM, order 70)."""
    rule = (
        '<rule name="to_8"><conditions><cdpn digits="8%"/><cgpn digits="45???"/></conditions><actions>'
        '<called sorm_digits="8{%}" sorm_ni="intercity"/><cdpn digits="7{%}"/>'
        '<calling sorm_digits="{1,2,3,4,5}" sorm_ni="private"/><cgpn digits="38327{1,2,3,4,5}"/></actions>'
        '<result><external><direction value="smg_trunk"/></external></result></rule>'
    )
    (tmp_path / "c.xml").write_text(f'<context name="c">{rule}</context>')
    domain = {
        "name": "d",
        "contexts": ["c.xml"],
        "subscribers": [{"number": "45123", "iface": "s10p20@msantest.domain"}],
        "trunks": [{"number": 2, "name": "smg_trunk"}],
    }
    switch = config.parse({"switch": {"domains": [domain]}}).switch
    assert switch is not None
    node = Node(switch, tmp_path)

    traced = trace(
        node.domains, node.domains["d"], read_request(["cgpn.digits=45123", "cdpn.digits=89001758964"])
    )

    assert traced.iface == "s10p20@msantest.domain"
    found = document(traced, signs_of("70", Numbers(ORDER_70)))
    assert (found["a"]["digits"], found["b"]["digits"]) == ("3832745123", "79001758964")
    assert found["sorm"] == {
        "a": {"digits": "45123", "ni": "private", "sign": 0x01},
        "b": {"digits": "89001758964", "ni": "intercity", "sign": 0x04},
    }
    by_iface = read_request(["iface=s10p20@msantest.domain", "cdpn.digits=89001758964"])
    assert (
        document(trace(node.domains, node.domains["d"], by_iface), signs_of("70", Numbers(ORDER_70))) == found
    )


@pytest.mark.parametrize(
    ("order", "signs"),
    [
        ("268", {"private": 1, "local": 4, "zone": 4, "intercity": 4, "international": 5, "emergency": 6}),
        ("70", {"private": 1, "local": 2, "zone": 3, "intercity": 4, "international": 5, "emergency": 6}),
    ],
)
def test_the_octet_of_each_indicator_by_the_order(order: Any, signs: dict[str, int]) -> None:
    settings = config.MediatorConfig.model_validate({"order": order})
    assert signs_of(order, Numbers(settings)) == signs


@pytest.mark.parametrize(
    ("domain", "arguments", "result", "domains", "a", "b"),
    [
        # Within a domain and between local ones: short numbers.
        ("voip.local", "cgpn.digits=200100 cdpn.digits=200119", "local", ["voip.local"], "200100", "200119"),
        (
            "voip.local",
            "cgpn.digits=200100 cdpn.digits=300000",
            "local",
            ["voip.local", "central_voip", "local.voip"],
            "200100",
            "300000",
        ),
        # To the city and from it: full numbers.
        (
            "voip.local",
            "cgpn.digits=200100 cdpn.digits=73832112233",
            "external",
            ["voip.local", "central_voip"],
            "73832700000",
            "73832112233",
        ),
        (
            "central_voip",
            "iface=trunk1 cgpn.digits=73832112233 cdpn.digits=73832710000",
            "local",
            ["central_voip", "local.voip"],
            "73832112233",
            "73832710000",
        ),
    ],
)
def test_calls_of_the_multisorm_example(
    domain: str, arguments: str, result: str, domains: list[str], a: str, b: str
) -> None:
    found = told(domain, *arguments.split())

    assert found["result"] == result
    assert [hop["domain"] for hop in found["hops"]] == domains
    assert (found["sorm"]["a"]["digits"], found["sorm"]["b"]["digits"]) == (a, b)
    assert found["via"] == ("trunk1" if result == "external" else None)


def test_every_domain_of_the_way_is_told_with_its_own_numbers() -> None:
    found = told("voip.local", "cgpn.digits=200100", "cdpn.digits=73832710000")

    assert [
        (hop["domain"], hop["context"], hop["np"], hop["bridge"], hop["to"]) for hop in found["hops"]
    ] == [
        ("voip.local", "default_routing", "default", "c2v", "central_voip"),
        ("central_voip", "default_routing", "city", "c2l", "local.voip"),
        ("local.voip", "from_l2c", "city", None, None),
    ]
    assert [(hop["sorm"]["a"]["digits"], hop["sorm"]["b"]["digits"]) for hop in found["hops"]] == [
        ("200100", "73832710000"),
        ("73832700000", "73832710000"),
        ("73832700000", "300000"),
    ]
    assert [(step["domain"], step["context"], step["rule"]) for step in found["path"]] == [
        ("voip.local", "default_routing", "to_city_bridge"),
        ("voip.local", "to_city", "to_city_bridge"),
        ("central_voip", "default_routing", "to_local_city_users"),
        ("central_voip", "ctx_city", "to_local_city_users"),
        ("local.voip", "from_l2c", "local_from_bridge"),
    ]


def test_a_bridge_stands_in_the_text_with_both_of_its_ends() -> None:
    node, _ = node_of("multisorm/lab.toml")

    text = trace_text(node, "voip.local", ["cgpn.digits=200100", "cdpn.digits=300000"], NOW)

    assert (
        "Bridge c2v_inter: bridge:v2c_inter (voip.local) -> bridge:c2v_inter (central_voip), numbering plan default\n"
        'Default context is {"central_voip",default_routing}'
    ) in text
    assert text.count("Routing result: ") == 3


def test_a_call_may_come_in_by_a_bridge_too() -> None:
    found = told("local.voip", "iface=bridge:l2c", "cgpn.digits=73832112233", "cdpn.digits=73832710001")

    assert (found["result"], found["hops"][0]["context"], found["hops"][0]["np"]) == (
        "local",
        "from_l2c",
        "city",
    )
    assert found["b"]["digits"] == "300001"


@pytest.mark.parametrize(
    ("arguments", "reason", "in_russian"),
    [
        (
            "cgpn.digits=28331 cdpn.digits=7",
            "no rule of context 'ctx_from_local' fits 28331 -> 7",
            "ни одно правило контекста 'ctx_from_local' не подходит для 28331 -> 7",
        ),
        (
            "cgpn.digits=28331 cdpn.digits=28999",
            "28999 is not a subscriber of test.domain",
            "28999 не абонент test.domain",
        ),
        (
            "cgpn.digits=99 cdpn.digits=28331",
            "99 is not a subscriber of test.domain; a call from outside needs its interface: "
            "iface=smg_trunk, iface=city_trunk",
            "99 не абонент test.domain; вызову извне нужен его интерфейс: iface=smg_trunk, iface=city_trunk",
        ),
    ],
)
def test_why_a_call_comes_nowhere(arguments: str, reason: str, in_russian: str) -> None:
    node, tracer = node_of("minimal.toml")
    traced = trace(node.domains, node.domains["test.domain"], read_request(arguments.split()))
    found = tracer.document(traced)

    assert (found["result"], found["reason"]) == ("failed", reason)
    assert "Routing result: failed\nA: " in tracer.text(traced, NOW)
    assert f"Reason: {reason}" in tracer.text(traced, NOW).splitlines()
    assert f"Причина: {in_russian}" in tracer.text(traced, NOW, "ru").splitlines()


def test_the_rules_tried_are_told_in_russian_too() -> None:
    node, tracer = node_of("minimal.toml")
    request = read_request(["cgpn.digits=28331", "cdpn.digits=89001758964"])
    lines = tracer.text(trace(node.domains, node.domains["test.domain"], request), NOW, "ru").splitlines()

    assert lines[3] == "    inside: cdpn 89001758964 не подходит под 28???"
    assert lines[6] == "    to_8: применено"


def test_a_plan_that_is_not_declared_is_told_where_it_is_needed() -> None:
    node, tracer = node_of("multisorm/lab.toml")
    domain = node.domains["voip.local"]
    del domain.plans["city"]
    traced = trace(node.domains, domain, read_request(["cgpn.digits=200100", "cdpn.digits=73832112233"]))

    assert (
        "  to_city: A 200100, B 73832112233, numbering plan city, which is not declared"
        in tracer.text(traced, NOW).splitlines()
    )


def test_what_the_domains_parameters_changed_for_sorm_is_told() -> None:
    node, tracer = node_of("minimal.toml")
    domain = node.domains["test.domain"]
    domain.config = domain.config.model_copy(update={"private_phone_prefix": "738327"})
    traced = trace(node.domains, domain, read_request(["cgpn.digits=28331", "cdpn.digits=2234567"]))

    told = "  for SORM: private_phone_prefix 738327: A 28331 (private) -> 73832728331 (private)"
    assert told in tracer.text(traced, NOW).splitlines()
    assert tracer.document(traced)["hops"][0]["applied"] == [
        {
            "setting": "private_phone_prefix",
            "by": "738327",
            "side": "a",
            "before": {"digits": "28331", "ni": "private"},
            "after": {"digits": "73832728331", "ni": "private"},
        }
    ]


@pytest.mark.parametrize(("prefix", "long"), [("738327", False), ("7383272", True)])
def test_a_prefix_before_a_number_that_may_be_full_already_is_remarked_on(prefix: str, long: bool) -> None:
    node, tracer = node_of("minimal.toml")
    domain = node.domains["test.domain"]
    domain.config = domain.config.model_copy(update={"private_phone_prefix": prefix})
    traced = trace(node.domains, domain, read_request(["cgpn.digits=28331", "cdpn.digits=2234567"]))

    remark = (
        "private_phone_prefix 7383272: A 738327228331 has 12 digits, and a full number has 11; "
        "28331 may be a full number already"
    )
    assert (f"  for SORM: {remark}" in tracer.text(traced, NOW).splitlines()) is long
    assert tracer.document(traced)["hops"][0]["remarks"] == ([remark] if long else [])
    assert ("цифр: 12, а в полном номере: 11" in tracer.text(traced, NOW, "ru")) is long


def test_an_adaptation_without_a_rule_that_fits_is_told() -> None:
    node, tracer = node_of("minimal.toml")
    domain = node.domains["test.domain"]
    domain.config = domain.config.model_copy(update={"adaptation": "ctx_to_local"})

    def lines(*arguments: str, lang: Any = "en") -> str:
        return tracer.text(trace(node.domains, domain, read_request(arguments)), NOW, lang)

    told = "  for SORM: adaptation ctx_to_local: no rule fits A 28331, B 73832234567; the rules are given"
    assert told in lines("cgpn.digits=28331", "cdpn.digits=2234567")
    assert "ни одно правило не подходит" in lines("cgpn.digits=28331", "cdpn.digits=2234567", lang="ru")
    assert "no rule fits" not in lines("cgpn.digits=28331", "cdpn.digits=28332")


def test_a_console_of_several_domains_hears_the_call_as_each_numbers_it() -> None:
    node, tracer = node_of("multisorm/lab.toml")
    request = read_request(["iface=trunk1", "cgpn.digits=73832112233", "cdpn.digits=73832710000"])
    text = tracer.text(trace(node.domains, node.domains["central_voip"], request), NOW)
    first, _, other = text.partition("To the console (268), for objects of local.voip:\n")

    assert "object B  41h-44h  73832112233 (04h PSTN subscriber of Russia) -> 73832710000 (04h" in first
    assert "object B  41h-44h  73832112233 (04h PSTN subscriber of Russia) -> 300000 (01h subscriber" in other

    inside = read_request(["cgpn.digits=200100", "cdpn.digits=300000"])
    within = tracer.text(trace(node.domains, node.domains["voip.local"], inside), NOW)
    assert "object B  41h-44h  200100 (01h subscriber of this node) -> 300000 (01h" in within
    assert "for objects of local.voip" not in within, "it numbers the call as voip.local does"


def test_an_outgoing_trunk_brings_no_call_in() -> None:
    node, _ = node_of("minimal.toml")
    trunk = node.domains["test.domain"].trunks["smg_trunk"]
    trunk.config = trunk.config.model_copy(update={"direction": "outgoing"})

    traced = trace(
        node.domains,
        node.domains["test.domain"],
        read_request(["iface=trunk:smg_trunk", "cdpn.digits=28331"]),
    )

    assert traced.reason == "trunk smg_trunk is for outgoing calls only"


def test_what_is_given_of_a_number_is_what_rules_see(tmp_path: Path) -> None:
    (tmp_path / "c.xml").write_text(
        '<context name="c"><rule name="abroad"><conditions><cdpn nai="internationalNumber"/></conditions>'
        '<result><external><direction value="t"/></external></result></rule>'
        '<rule name="mobile"><conditions><cgpn category="10" apri="presentationRestricted"/></conditions>'
        '<result><external><direction value="u"/></external></result></rule>'
        '<rule name="home"><conditions><cdpn nai="nationalNumber" npi="undefined"/><cgpn npi="isdnTelephony"/>'
        "</conditions><result><local/></result></rule></context>"
    )
    domain = {
        "name": "d",
        "contexts": ["c.xml"],
        "subscribers": [{"number": "1"}, {"number": "2"}],
        "trunks": [{"number": 1, "name": "t"}, {"number": 2, "name": "u"}],
    }
    switch = config.parse({"switch": {"domains": [domain]}}).switch
    assert switch is not None
    node = Node(switch, tmp_path)

    def text(*more: str) -> str:
        return trace_text(node, "d", ["cgpn.digits=1", "cdpn.digits=2", *more], NOW)

    assert "home: taken" in text()
    assert "abroad: taken" in text("cdpn.nai=internationalNumber")
    assert "mobile: taken" in text("cgpn.category=10", "cgpn.apri=presentationRestricted")
    assert "screening=networkProvided, category=10)" in text("cgpn.category=10")
    assert "{sorm_ni_b,zone}" in text("cdpn.ni=zone")


@pytest.mark.parametrize(
    ("digits", "mode", "words", "inc"),
    [
        ("1", "overlap", "incomplete number", "inc=true"),
        ("1", "enblock", "final number", "inc=false"),
        ("112", "overlap", "final number", "inc=false"),
        ("200119", "overlap", "final number", "inc=false"),
    ],
)
def test_overlap_asks_the_digit_map_whether_more_is_to_come(
    digits: str, mode: str, words: str, inc: str
) -> None:
    node, _ = node_of("multisorm/lab.toml")

    text = trace_text(
        node, "voip.local", ["cgpn.digits=200100", f"cdpn.digits={digits}", f"mode={mode}"], NOW
    )

    assert text.splitlines()[0].endswith(words)
    assert inc in next(line for line in text.splitlines() if line.startswith("B: "))


def test_the_mediators_own_rewriting_is_shown_where_it_changes_something() -> None:
    plain = told("test.domain", "cgpn.digits=28331", "cdpn.digits=2123456", lab="minimal.toml")
    adapted = told(
        "test.domain",
        "cgpn.digits=28331",
        "cdpn.digits=2123456",
        lab="minimal.toml",
        adaptation={"prefix_810_to_cdpn": True},
        zero_digit="A",
    )

    def digits(found: dict[str, Any], role: str, events: str) -> set[str]:
        rows = [row for row in found["console"] if (row["object"], row["events"]) == (role, events)]
        return {row["called"]["digits"] for row in rows}

    for found, after in ((plain, "73832123456"), (adapted, "8103832123456")):
        assert digits(found, "a", "41h") == {"2123456"}
        assert digits(found, "a", "42h-44h") == {after}
        assert digits(found, "b", "41h-44h") == {"73832123456", "2123456"}, "the number under control"
    assert adapted["sorm"] == plain["sorm"]
    assert adapted["console"][1]["called"]["octets"] == "04 0D 18 3A 38 12 32 54 F6 FF FF"


def test_the_console_is_told_in_both_languages() -> None:
    node, tracer = node_of("minimal.toml", order="70")
    traced = trace(
        node.domains,
        node.domains["test.domain"],
        read_request(["cgpn.digits=28331", "cdpn.digits=89001758964"]),
    )

    english, russian = tracer.text(traced, NOW), tracer.text(traced, NOW, "ru")

    assert "To the console (70):" in english
    assert "Пульту (70):" in russian
    assert "89001758964 (04h " in english.splitlines()[-3]
    assert english.splitlines()[-1] == "  the party that is the object is shown as command 5 gave it"
    assert (
        russian.splitlines()[-1]
        == "  сторона, которая является объектом, показывается так, как её задала команда 5"
    )
    assert "В СОРМ передаётся: A 28331 (private), B 89001758964 (intercity)" in russian


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("", "cdpn.digits: is missing"),
        ("cdpn.digits=1", "cgpn.digits: is missing"),
        ("cgpn.digits=1 cdpn.digits=", "cdpn.digits: a value is missing"),
        ("cgpn.digits=1 cdpn.digits", "cdpn.digits: a value is missing"),
        ("cgpn.digits=1 cgpn.digits=2 cdpn.digits=1", "cgpn.digits: is given twice, as '1' and '2'"),
        ("cgpn.digits=1 cdpn.digits=8x", "cdpn.digits: '8x' is not a number"),
        (f"cgpn.digits=1 cdpn.digits={'8' * 50_000}", f"cdpn.digits: '{'8' * 96}... is not a number"),
        (f"cgpn.digits=1 cdpn.digits={'1' * 19}", "up to 18 of"),
        ("cgpn.digits=1 cdpn.digits=1 cgpn.ni=far", "cgpn.ni: 'far' is none of private, local"),
        ("cgpn.digits=1 cdpn.digits=1 mode=fast", "mode: 'fast' is none of enblock, overlap"),
        ("cgpn.digits=1 cdpn.digits=1 cdpn.incomplete=no", "cdpn.incomplete: 'no' is none of false, true"),
        (
            "cgpn.digits=1 cdpn.digits=1 a=1",
            f"'a=1': no parameter of a trace; there are: {TRACE_PARAMETERS[0]}",
        ),
    ],
)
def test_parameters_that_can_not_be_understood(arguments: str, complaint: str) -> None:
    with pytest.raises(TraceError) as raised:
        read_request(arguments.split())

    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("domain", "iface", "complaint"),
    [
        ("nowhere", "28331", "there is no domain 'nowhere'; there are: test.domain"),
        (
            "test.domain",
            "e1",
            "iface: test.domain has no interface 'e1'; there are: its subscribers' numbers, smg",
        ),
    ],
)
def test_places_that_are_not_there(domain: str, iface: str, complaint: str) -> None:
    node, _ = node_of("minimal.toml")

    with pytest.raises(TraceError) as raised:
        trace_text(node, domain, [f"iface={iface}", "cdpn.digits=28331"], NOW)

    assert str(raised.value).startswith(complaint)
