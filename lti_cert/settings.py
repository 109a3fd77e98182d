"""Every setting, read once from the environment (prefix LTI_CERT_), checked together, then fixed.

docs/configuration.md is generated from these fields; a test compares them.
"""

from email.policy import EmailPolicy
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SHORTEST_KEY = 16
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
_SCHEMES = {*_DRIVERS, *_DRIVERS.values(), "sqlite"}


class SettingsInvalid(Exception):
    """One line a problem, each naming its variable."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="LTI_CERT_", frozen=True, use_attribute_docstrings=True, extra="ignore", env_ignore_empty=True
    )

    base_url: str = "http://localhost:8400"
    """The address at which browsers and platforms reach the tool, without a trailing slash. Everything that is
    registered with a platform derives from it.
    """

    proxies: int = Field(default=0, ge=0, le=10)
    """How many reverse proxies stand in front, each adding to `X-Forwarded-For` whom it answers; that many of its
    entries are believed, from the end. 0: visitors reach the tool directly, and what they send there is made up.
    Attempts to sign in and to verify are counted by that address.
    """

    data_dir: Path = Path("var")
    """Where the embedded database, the embedded queue server, written mails and (in an installed tool) keys lie."""

    database_url: str | None = None
    """`postgresql://user:password@host/name`. Default: SQLite in the data directory."""

    redis_url: str | None = None
    """`redis://host:6379/0` or `unix:///path`. Default: an embedded server in the data directory."""

    secret_key: Annotated[list[SecretStr], NoDecode] = Field(default_factory=list)
    """Signs and encrypts what we hand out and keep. Several, separated by commas, newest first, for rotation.
    Default: one made at first start and kept in the data directory.
    """

    jwks_dir: Path | None = None
    """Where the tool's signing keys lie. Default: `jwks/` of a checkout, `jwks` in the data directory of an installed
    tool.
    """

    mail_url: SecretStr | None = None
    """`smtp://user:password@host:587` (STARTTLS where offered) or `smtps://…:465`. Default: mails are written to the
    data directory.
    """

    mail_from: str = "Certificates <certificates@localhost>"
    """The sender of all mails."""

    time_zone: str = "UTC"
    """In which dates are printed, and in which days begin (`Award from`): a name like `America/Los_Angeles`. Documents
    that exist keep their dates.
    """

    allow_private_platforms: bool = Field(default=False, validate_default=True)
    """On: platforms may use http and private or loopback addresses. For development, tests and campus networks."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """How much is logged."""

    log_format: Literal["json", "human"] = "json"
    """`json`: one object a line. `human`: for a terminal."""

    @field_validator("secret_key", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str) -> str:
        parts = _split(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an address like https://certificates.example.edu")
        if parts.path not in {"", "/"}:
            raise ValueError("must not have a path; give the tool a host of its own")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str | None) -> str | None:
        if value and (_split(value).scheme not in _SCHEMES or not value.partition(":")[2].startswith("//")):
            raise ValueError("must begin with postgresql:// or sqlite:///")
        return value

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, value: str | None) -> str | None:
        if value and _split(value).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value

    @field_validator("mail_url")
    @classmethod
    def _check_mail_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            parts = _split(value.get_secret_value())
            if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
                raise ValueError("must look like smtp://user:password@host:587")
        return value

    @field_validator("mail_from")
    @classmethod
    def _check_mail_from(cls, value: str) -> str:
        value = value.strip()
        named = EmailPolicy().header_factory("From", value).addresses
        if len(value.splitlines()) != 1 or len(named) != 1 or not (named[0].username and named[0].domain):
            raise ValueError("must be one address like Certificates <certificates@example.edu>")
        return value

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError("must be the name of a time zone, like Europe/Berlin") from None

    @field_validator("secret_key")
    @classmethod
    def _check_secret_key(cls, value: list[SecretStr]) -> list[SecretStr]:
        if any(len(key.get_secret_value()) < SHORTEST_KEY for key in value):
            raise ValueError(f"each key needs at least {SHORTEST_KEY} characters")
        return value

    @field_validator("allow_private_platforms")
    @classmethod
    def _check_together(cls, value: bool, others: ValidationInfo) -> bool:
        base_url = others.data.get("base_url", "https://")  # its own fault is told already
        if not value and not base_url.startswith("https://") and not _is_local(base_url):
            raise ValueError("must be on where LTI_CERT_BASE_URL is not https: browsers refuse the rest")
        return value

    @property
    def is_local(self) -> bool:
        return _is_local(self.base_url)

    @property
    def sqlalchemy_url(self) -> str:
        if not self.database_url:
            return f"sqlite:///{(self.data_dir / 'lti_cert.sqlite3').resolve()}"
        scheme, rest = self.database_url.split(":", 1)
        return f"{_DRIVERS.get(scheme, scheme)}:{rest}"

    @property
    def is_sqlite(self) -> bool:
        return self.sqlalchemy_url.startswith("sqlite")

    def make_data_dir(self) -> None:
        """For its owner alone: people's names and addresses lie there.

        :raises SettingsInvalid: there can be no such folder.
        """
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsInvalid(f"LTI_CERT_DATA_DIR: {self.data_dir} cannot be made: {error.strerror}.") from None

    @classmethod
    def from_env(cls) -> Self:
        """Read the environment; all problems at once.

        :raises SettingsInvalid: with a line a problem.
        """
        try:
            return cls()
        except ValidationError as error:
            raise SettingsInvalid("\n".join(_in_words(problem) for problem in error.errors())) from None


def _split(address: str) -> SplitResult:
    parts = urlsplit(address)
    if any(sign.isspace() for sign in parts.netloc):
        raise ValueError("must not name a host with spaces")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("must name its port by a number up to 65535") from None
    return parts


def _is_local(base_url: str) -> bool:
    return urlsplit(base_url).hostname in {"localhost", "127.0.0.1", "::1"}


def _in_words(problem: object) -> str:
    assert isinstance(problem, dict)  # noqa: S101  (pydantic's ErrorDetails is a dict)
    text = str(problem["msg"]).removeprefix("Value error, ")
    return f"LTI_CERT_{problem['loc'][0].upper()}: {text}"
