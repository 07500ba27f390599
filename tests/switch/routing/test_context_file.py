"""Contexts in XML: what they may hold, and errors that name the line."""

import pytest

from sorm_mediator.switch.routing.context_file import ContextError, parse_context
from sorm_mediator.switch.routing.route import Continue, External, Local, Number, RoutingRequest, route

SEED_RULE = b"""<?xml version="1.0" encoding="UTF-8"?>
<context xmlns:xs="http://www.w3.org/2001/XMLSchema-instance" xs:noNamespaceSchemaLocation="ecss_routing.xsd"
 name="ctx" np="city" digitmap="(*[0-9*][0-9*].#|1xx.|10xx.)">
 <rule name="to_8">
      <conditions>
           <cdpn digits="8%"/>
           <cgpn digits="45???"/>
      </conditions>
      <actions>
           <called sorm_digits="8{%}" sorm_ni="intercity"/>
           <cdpn digits="7{%}"/>
           <calling sorm_digits="{1,2,3,4,5}" sorm_ni="private"/>
           <cgpn digits="38327{1,2,3,4,5}"/>
      </actions>
           <result>
               <external>
                    <direction value="smg_trunk"/>
               </external>
          </result>
  </rule>
</context>"""


def test_the_rule_of_the_manual_as_printed() -> None:
    context = parse_context(SEED_RULE, "ctx.xml")
    request = RoutingRequest(a=Number(digits="45123"), b=Number(digits="89001758964"), context="ctx")

    result = route(request, {"ctx": context})

    assert (context.name, context.np, context.rules[0].line) == ("ctx", "city", 4)
    assert (result.result, result.via) == ("external", ("smg_trunk",))
    assert (result.a.digits, result.a.shown_digits, result.a.shown_ni) == ("3832745123", "45123", "private")
    assert (result.b.digits, result.b.shown_digits, result.b.shown_ni) == (
        "79001758964",
        "89001758964",
        "intercity",
    )
    assert [(step.context, step.rule) for step in result.path] == [("ctx", "to_8")]


def rule(inside: str) -> bytes:
    return f'<context name="c">\n<rule name="r">\n{inside}\n</rule>\n</context>'.encode()


def test_results() -> None:
    def verdict(text: str) -> object:
        return parse_context(rule(f"<result>{text}</result>"), "c.xml").rules[0].verdict

    assert verdict("<local/>") == Local()
    assert verdict('<continue context="to_city"/>') == Continue("to_city")
    assert verdict('<external><trunk value="t1"/><direction value="t2"/></external>') == External(
        ("t1", "t2")
    )


LOCAL = "<result><local/></result>"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "c.xml:1: not well-formed XML: no element found"),
        (b"<context name='c'>\n<rule></context>", "c.xml:2: not well-formed XML: mismatched tag"),
        (
            b"<context name='c'>\n<rule name='r'><result><local/></result></rule>\n</context",
            "c.xml:3: the closing > of </context> is missing: write </context>",
        ),
        (b"<rules/>", "c.xml:1: <rules> is not allowed at the top; allowed: context"),
        (b"<context/>", "c.xml:1: <context>: the attribute name is missing"),
        (b"<context name='c'></context>", "c.xml:1: context 'c' has no rule"),
        (b"<context name='c' colour='red'/>", "unknown attribute; allowed: digitmap, name, np"),
        (b'<?xml version="1.0" encoding="klingon"?><context/>', "c.xml:1: "),
        (b'<!DOCTYPE context [<!ENTITY a "b">]>\n<context name="&a;"/>', "c.xml:1: a DTD is not allowed"),
        (b"<context name='&a;'/>", "undefined entity"),
        (rule("<conditions/>"), "c.xml:2: rule 'r' has no <result>"),
        (rule("<result/>"), "c.xml:3: rule 'r': <result> must hold exactly one of"),
        (rule("<result><local/><local/></result>"), "exactly one of"),
        (rule("<result><external/></result>"), "names no <direction>"),
        (rule("<result><continue/></result>"), "<continue>: the attribute context is missing"),
        (rule(f"{LOCAL}{LOCAL}"), "rule 'r' has a second <result>"),
        (rule(f"hello{LOCAL}"), "c.xml:3: the text 'hello' has no meaning in <rule>"),
        (
            rule(f"<conditions><called sorm_ni='zone'/></conditions>{LOCAL}"),
            "<called> is not allowed in <conditions>",
        ),
        (rule(f"<conditions><cdpn/></conditions>{LOCAL}"), "<cdpn/> tests nothing"),
        (rule(f"<actions><cgpn/></actions>{LOCAL}"), "<cgpn/> changes nothing"),
        (
            rule(f"<conditions>\n<cdpn digits='%8'/></conditions>{LOCAL}"),
            "c.xml:4: <cdpn digits>: '%8': % stands for",
        ),
        (rule(f"<conditions><cdpn ni='far'/></conditions>{LOCAL}"), "'far' is not one of private, local"),
        (rule(f"<actions><called sorm_ni='far'/></actions>{LOCAL}"), "'far' is not one of private, local"),
        (rule(f"<actions><cdpn digits='{{x}}'/></actions>{LOCAL}"), "must be {%} or places"),
        (
            rule(f"<actions><cdpn digits='{{%}}'/></actions>{LOCAL}"),
            "{%} needs a condition <cdpn> whose mask ends in %",
        ),
        *(
            (
                rule(
                    f"<conditions><cdpn {test}/></conditions><actions><cdpn digits='{{%}}'/></actions>{LOCAL}"
                ),
                "{%} needs a condition <cdpn> whose mask ends in %",
            )
            for test in ("digits='12'", "ni='local'")
        ),
        (rule(f"<actions><cdpn sorm_digits='1'/></actions>{LOCAL}"), "<cdpn sorm_digits>: unknown attribute"),
    ],
)
def test_an_error_names_the_line_and_the_remedy(text: bytes, complaint: str) -> None:
    with pytest.raises(ContextError) as raised:
        parse_context(text, "c.xml")

    assert str(raised.value).startswith("c.xml:")
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_two_rules_of_one_name() -> None:
    one = f"<rule name='r'>{LOCAL}</rule>"

    with pytest.raises(ContextError, match=r"c\.xml:2: rule 'r' is already there, in line 1"):
        parse_context(f"<context name='c'>{one}\n{one}</context>".encode(), "c.xml")


PRINTED = """<?xml version="1.0" encoding="UTF-8"?>
\N{NO-BREAK SPACE} <context name="default_routing" digitmap="(1xx.|
10xx.)">
  <rule name="to_city_bridge">
    <actions>
      <called sorm_digits="{1,2,3}" sorm_ni="local"/
>
    </actions>
    <result>
      <external>
        <trunk value="bridge :v2c"/>
      </external>
    </result>
  </rule>
  </context
"""


def test_the_slips_of_a_printed_context_are_told_all_at_once_each_with_its_line_and_remedy() -> None:
    with pytest.raises(ContextError) as raised:
        parse_context(PRINTED.encode(), "ctx.xml")

    assert raised.value.problems == (
        "ctx.xml:2: a no-break space (U+00A0) stands here: write a plain space",
        "ctx.xml:6: a line break stands between the / and the > that end a tag: write />",
        "ctx.xml:11: <trunk value>: 'bridge :v2c' has a stray space; names have none: 'bridge:v2c'",
        "ctx.xml:15: the closing > of </context> is missing: write </context>",
    )


def test_the_same_context_put_right_is_read() -> None:
    right = (
        PRINTED.replace("\N{NO-BREAK SPACE}", " ").replace("/\n>", "/>").replace(" :v2c", ":v2c").rstrip()
        + ">"
    )

    context = parse_context(right.encode(), "ctx.xml")

    assert context.rules[0].verdict == External(("bridge:v2c",))
    assert context.digitmap is not None


def test_mistakes_of_several_rules_are_told_at_once() -> None:
    text = (
        '<context name="c" np="ci ty" digitmap="(1x">\n<rule name="a"><result/></rule>\n<rule name="b" colour="red"/>\n'
        '<rule name="c"><conditions><cdpn digits="%8"/></conditions><result><local/></result></rule>\n</context>'
    )

    with pytest.raises(ContextError) as raised:
        parse_context(text.encode(), "c.xml")

    assert [problem.split(": ")[0] for problem in raised.value.problems] == [
        "c.xml:1",
        "c.xml:2",
        "c.xml:3",
        "c.xml:3",
        "c.xml:4",
    ]
    assert "\n" not in str(raised.value)


def test_of_many_mistakes_twenty_are_told_and_the_rest_is_counted() -> None:
    rules = "\n".join(f"<rule name='r{number}'/>" for number in range(25))

    with pytest.raises(ContextError, match=r"and 5 more$"):
        parse_context(f"<context name='c'>{rules}</context>".encode(), "c.xml")


@pytest.mark.parametrize(
    "text", [b"<context name='c'><", b"<context name='c", b"<!-- never closed", b"<!DOCTYPE"]
)
def test_a_text_that_just_stops_is_no_slip_to_read_over(text: bytes) -> None:
    with pytest.raises(ContextError, match=r"^c.xml:1: "):
        parse_context(text, "c.xml")


def test_entities_are_not_expanded() -> None:
    bomb = b'<!DOCTYPE c [<!ENTITY a "bbbb"><!ENTITY d "&a;&a;">]><context name="&d;"/>'

    with pytest.raises(ContextError, match=r"^c.xml:1: a DTD is not allowed, nor are entities$"):
        parse_context(bomb, "c.xml")


def test_typographic_quotation_marks_are_a_slip_of_printing() -> None:
    with pytest.raises(ContextError) as caught:
        parse_context(rule("<result><continue context=“to_city”/></result><x/>"), "c.xml")
    assert caught.value.problems == (
        "c.xml:3: <x> is not allowed in <rule>; allowed: actions, conditions, result",
        'c.xml:3: the quotation mark “ stands here: write "',
    )


def test_a_file_in_another_encoding_than_it_says_is_told_so() -> None:
    text = rule("<result><local/></result>").replace(b'"r"', '"город"'.encode("cp1251"))
    with pytest.raises(
        ContextError, match="it holds octets that are not UTF-8: save it as UTF-8, or name its enc"
    ):
        parse_context(text, "c.xml")
    declared = b'<?xml version="1.0" encoding="windows-1251"?>' + text
    assert parse_context(declared, "c.xml").rules[0].name == "город"


def test_whether_a_number_is_incomplete_is_true_or_false() -> None:
    for conditions in ('<cdpn incomplete="yes"/>', '<cdpn digits="8%" incomplete="true,no"/>'):
        with pytest.raises(ContextError, match=r"<cdpn incomplete>: '(yes|no)' is not one of true, false"):
            parse_context(rule(f"<conditions>{conditions}</conditions><result><local/></result>"), "c.xml")
