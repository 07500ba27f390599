"""The lab file: what a mistake in it is answered with."""

from pathlib import Path

import pytest

from sorm_mediator import config
from sorm_mediator.config import Config, ConfigError


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
                    "bridges": [{"name": "b", "capacity": 0, "a": {"domain": "x"}, "b": {"domain": "y"}}]
                }
            },
            ["switch.bridges.0.capacity: 0 is not", "'unbounded', or greater than or equal to 1"],
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


def test_secrets_are_masked_when_printed() -> None:
    loaded = config.parse({"ssh": {"password": "hunter2"}, "web": {"token": "hunter3"}})
    assert "hunter" not in repr(loaded)
    assert "hunter" not in loaded.model_dump_json()


def test_a_file_that_is_not_there_or_not_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: can't be read"):
        config.load(tmp_path / "nowhere.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[mediator\n")
    with pytest.raises(ConfigError, match=r"broken\.toml: is not TOML"):
        config.load(broken)


def test_relative_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_text("")
    assert config.load(file).directory == tmp_path
