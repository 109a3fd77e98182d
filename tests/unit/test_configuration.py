"""Settings are documented, and wrong ones are reported all at once."""

from pathlib import Path

import pytest

from lti_cert.settings import Settings, SettingsInvalid
from tools import configuration


def test_the_configuration_page_says_what_the_settings_are() -> None:
    written = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    assert written == configuration.page(), "run `make configuration`"


def test_all_problems_are_reported_at_once_and_name_their_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "BASE_URL": "http://certificates.example.edu",
        "PROXIES": "many",
        "DATABASE_URL": "mysql://x",
        "REDIS_URL": "http://x",
        "SECRET_KEY": "short",
        "MAIL_URL": "mail.example.edu",
        "LOG_LEVEL": "loud",
        "TIME_ZONE": "../etc/passwd",
    }.items():
        monkeypatch.setenv(f"LTI_CERT_{name}", value)
    with pytest.raises(SettingsInvalid) as problems:
        Settings.from_env()
    lines = str(problems.value).splitlines()
    assert sorted(line.split(":")[0] for line in lines) == [
        "LTI_CERT_ALLOW_PRIVATE_PLATFORMS",
        "LTI_CERT_DATABASE_URL",
        "LTI_CERT_LOG_LEVEL",
        "LTI_CERT_MAIL_URL",
        "LTI_CERT_PROXIES",
        "LTI_CERT_REDIS_URL",
        "LTI_CERT_SECRET_KEY",
        "LTI_CERT_TIME_ZONE",
    ]
    assert "short" not in str(problems.value)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("base_url", "certificates.example.edu/path"),
        ("base_url", "https://certificates.example.edu/path"),
        ("base_url", "https://certificates example.edu"),
        ("base_url", "http://localhost:abc"),
        ("database_url", "postgresql://user:password@host:abc/name"),
        ("database_url", "postgresql+foo://host/name"),
        ("database_url", "sqlite+foo:///name"),
        ("database_url", "sqlite:"),
        ("redis_url", "redis://host:abc/0"),
        ("mail_url", "smtp://host:99999"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(name: str, address: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.model_validate({name: address})


@pytest.mark.parametrize("address", ["sqlite:////srv/my data/lti_cert.sqlite3", "postgresql://user:p%20w@db:5432/name"])
def test_a_path_may_hold_blanks(address: str) -> None:
    assert Settings(database_url=address).database_url == address


@pytest.mark.parametrize("name", ["Mars/Olympus", "", " ", "/usr/share/zoneinfo/UTC", "Europe", "a\x00"])
def test_a_time_zone_is_one_that_exists(name: str) -> None:
    with pytest.raises(ValueError, match="name of a time zone"):
        Settings(time_zone=name)
    assert Settings(time_zone="America/Los_Angeles").time_zone == "America/Los_Angeles"


def test_a_public_address_must_be_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTI_CERT_BASE_URL", "http://certificates.example.edu")
    with pytest.raises(SettingsInvalid, match="https"):
        Settings.from_env()
    monkeypatch.setenv("LTI_CERT_ALLOW_PRIVATE_PLATFORMS", "1")
    assert Settings.from_env().base_url == "http://certificates.example.edu"


def test_several_secret_keys_are_given_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTI_CERT_SECRET_KEY", f"{'n' * 32}, {'o' * 32}")
    assert [key.get_secret_value()[0] for key in Settings.from_env().secret_key] == ["n", "o"]
