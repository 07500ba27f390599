"""The lab file: what a mistake in it is answered with."""

import json
import re
from pathlib import Path

import pytest

from sorm_mediator import config
from sorm_mediator.cli import labfile as settings
from sorm_mediator.config import Config, ConfigError, MediatorConfig
from sorm_mediator.lab.checks import check_references
from sorm_mediator.options import MediatorOptions, differences


def refusal(document: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        config.parse(document, name="lab.toml")
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_an_empty_file_is_a_lab_with_the_defaults() -> None:
    assert config.parse({}) == Config()
    assert Config().mediator.password.get_secret_value() == "123456"
    assert Config().console.kpd1_port == 1001


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"mediator": {"orm_number": 300}}, ["mediator.orm_number", "300", "255"]),
        (
            {
                "switch": {
                    "domains": [{"name": "x"}, {"name": "y"}],
                    "bridges": [{"name": "b", "capacity": 0, "a": {"domain": "x"}, "b": {"domain": "y"}}],
                }
            },
            ["switch.bridges.0.capacity: 0 is not", "'unbounded', or at least 1"],
        ),
        ({"mediator": {"orm_numbr": 3}}, ["mediator.orm_numbr: unknown key", "orm_number"]),
        ({"mediator": {"order": "645"}}, ["mediator.order", "'645'", "'268' or '70'"]),
        ({"mediator": {"options": {"m25_length": "long"}}}, ["mediator.options.m25_length", "'variable'"]),
        ({"console": {"allow": ["everyone"]}}, ["console.allow", "'everyone'", "127.0.0.0/8"]),
        ({"consol": {}}, ["consol: unknown key", "console"]),
        ({"e1": {"stream": 0}}, ["e1: is a list of tables: write [[e1]], not [e1]"]),
        ({"radius": {"port": -1}}, ["radius.port", "-1"]),
        (
            {"switch": {"domains": [{"name": "d", "subscribers": [{"numbr": "1"}]}]}},
            ["numbr: unknown key", "services"],
        ),
        ({"switch": {"domains": [{"name": "a b"}]}}, ["switch.domains.0.name", "'a b'"]),
        ({"switch": {"domains": [{}]}}, ["switch.domains.0.name: is required"]),
        ({"web": {"host": "0.0.0.0"}}, ["web.token: required", "loopback"]),  # noqa: S104
        ({"web": {"host": "0.0.0.0", "token": " "}}, ["web.token: required", "loopback"]),  # noqa: S104
    ],
)
def test_a_mistake_is_one_line_with_key_value_and_what_is_allowed(
    document: dict[str, object], told: list[str]
) -> None:
    text = refusal(document)
    assert text.startswith("lab.toml: ")
    for part in told:
        assert part in text


def test_a_wrong_secret_is_not_repeated() -> None:
    text = refusal({"mediator": {"password": "hunter22"}})
    assert "mediator.password" in text
    assert "hunter22" not in text
    assert "hunter22" not in refusal({"radius": {"secret": ["hunter22"]}})


SECRET_MISPLACED = [
    {"radius": {"clients": {"10.0.0.1": 123456789}}},
    {"radius": {"clients": {"10.0.0.1": ["123456789"]}}},
    {"radius": {"clients": "10.0.0.1=123456789"}},
    {"radius": "127.0.0.1:123456789"},
    {"switch": {"domains": [{"name": "d", "radius_servers": ["h:123456789"]}]}},
    {"switch": {"domains": [{"name": "d", "radius_servers": "h:123456789"}]}},
    {"switch": {"domains": [{"name": "d", "radius_servers": [{"secret": 123456789}]}]}},
    {"switch": {"domains": ["d:123456789"]}},
    {"switch": {"domains": "d:123456789"}},
    {"switch": {"admin": "admin:123456789"}},
    {"switch": {"aggregates": [["u", "123456789"]]}},
    {"switch": "123456789"},
    {"ssh": "user:123456789@host"},
    {"ssh": {"password": 123456789}},
    {"web": {"token": 123456789}},
    {"web": "123456789"},
    {"mediator": "123456789"},
    {"mediator": {"password": 123456789}},
]


@pytest.mark.parametrize("document", SECRET_MISPLACED)
def test_a_secret_in_a_wrong_place_is_not_repeated(document: dict[str, object]) -> None:
    text = refusal(document)
    assert "123456789" not in text
    assert "lab.toml: " + next(iter(document)) in text


def test_secrets_are_masked_when_printed() -> None:
    loaded = config.parse({"ssh": {"password": "hunter2"}, "web": {"token": "hunter3"}})
    assert "hunter" not in repr(loaded)
    assert "hunter" not in loaded.model_dump_json()


def test_a_file_that_is_not_there_or_not_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: can't be read"):
        config.load(tmp_path / "nowhere.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[mediator\n")
    with pytest.raises(ConfigError, match=r"broken\.toml:1: is not TOML"):
        config.load(broken)


def test_relative_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text("")
    assert config.load(file).directory == tmp_path


def test_the_profile_of_the_order_changes_defaults_and_nothing_else() -> None:
    device = config.parse({"mediator": {}}).mediator
    order = config.parse({"mediator": {"profile": "order"}}).mediator
    changed = {
        name: (getattr(device.options, name), value)
        for name, value in order.options
        if value != getattr(device.options, name)
    }
    assert changed == {
        "same_number_again": ("refuse", "allow"),
        "version_before_start": ("allow", "refuse"),
        "orm_number_from_start": ("off", "on"),
        "statistical_high_priority": ("allow", "refuse"),
    }
    assert (device.test_timeout, order.test_timeout) == (0, 600)
    assert {one.key: one.defaults["order"] for one in differences(MediatorConfig)} == {
        "test_timeout": 600,
        **{f"options.{name}": values[1] for name, values in changed.items()},
    }


def test_what_is_set_stays_whatever_the_profile() -> None:
    options = {"same_number_again": "refuse", "late_ksl": "on"}
    loaded = config.parse({"mediator": {"profile": "order", "test_timeout": 2, "options": options}}).mediator
    assert loaded.test_timeout == 2
    assert (loaded.options.same_number_again, loaded.options.late_ksl) == ("refuse", "on")
    assert loaded.options.orm_number_from_start == "on"
    built = MediatorConfig(profile="order", options=MediatorOptions(same_number_again="refuse"))
    assert (built.options.same_number_again, built.options.version_before_start) == ("refuse", "refuse")


def test_a_profile_that_does_not_exist_is_told_with_those_that_do() -> None:
    assert "mediator.profile: 'gost' is not allowed: 'eltex' or 'order'" in refusal(
        {"mediator": {"profile": "gost", "options": {"late_ksl": "on"}}}
    )


def test_the_schema_tells_the_default_of_both_profiles() -> None:
    options = Config.model_json_schema()["$defs"]["MediatorOptions"]["properties"]
    assert options["same_number_again"]["default"] == "refuse"
    assert options["same_number_again"]["x-default-in-profile"] == {"order": "allow"}
    assert "x-default-in-profile" not in options["late_ksl"]


def test_every_option_names_its_source() -> None:
    meanings = {
        name: " ".join(MediatorOptions.meanings()[name].lower().split())
        for name in MediatorOptions.model_fields
    }
    assert [
        name for name, text in meanings.items() if "order 268" not in text and "our choice" not in text
    ] == []


def test_capacity_must_lead_to_a_row_of_the_tables() -> None:
    assert "mediator.capacity: a terminal node needs subscribers" in refusal(
        {"mediator": {"station_type": "terminal", "capacity": {"trunks": 512}}}
    )
    assert config.parse({"mediator": {"station_type": "transit", "capacity": {}}}).mediator.limits is not None
    assert config.parse({}).mediator.limits is None


@pytest.mark.parametrize(
    ("capacity", "streams", "told"),
    [
        (None, 4, ""),
        (None, 5, "needs 1 to 4 [[e1]] tables, and there are 5"),
        ({"subscribers": 60_000}, 8, ""),
        (
            {"subscribers": 20_000, "trunks": 512},
            6,
            "needs 1 to 5 [[e1]] tables by mediator.capacity, and there are 6",
        ),
        ({"trunks": 30}, 2, "needs 1 to 1 [[e1]] tables by mediator.capacity, and there are 2"),
    ],
)
def test_there_are_as_many_streams_as_the_capacity_has(
    capacity: dict[str, int] | None, streams: int, told: str
) -> None:
    mediator = {} if capacity is None else {"capacity": capacity}
    tables = [{"stream": number, "line": "memory"} for number in range(streams)]
    loaded = config.parse({"mediator": mediator, "console": {"link": "x25"}, "e1": tables})
    if not told:
        check_references(loaded, "lab.toml")
        return
    with pytest.raises(ConfigError, match=re.escape(told)):
        check_references(loaded, "lab.toml")


def test_config_show_says_what_the_profile_and_the_capacity_decided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(
        '[mediator]\nprofile = "order"\ncapacity = { subscribers = 20000, trunks = 512 }\n'
        'options = { version_before_start = "allow" }\n'
    )
    settings.show(file, None, as_json=True)
    rows = {row["key"]: (row["value"], row["source"]) for row in json.loads(capsys.readouterr().out)}
    assert rows["mediator.options.same_number_again"] == ("allow", "profile order")
    assert rows["mediator.test_timeout"] == (600, "profile order")
    assert rows["mediator.options.version_before_start"] == ("allow", str(file))
    assert rows["mediator.options.late_ksl"] == ("off", "default")
    assert rows["mediator.limits.network_objects"] == (1024 + 512, "order 268, appendix 4")
    settings.show(None, None, as_json=True)
    rows = {row["key"]: (row["value"], row["source"]) for row in json.loads(capsys.readouterr().out)}
    assert rows["mediator.options.same_number_again"] == ("refuse", "profile eltex")
    assert "mediator.limits.network_objects" not in rows
