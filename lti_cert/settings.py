"""Every setting, read once from the environment (prefix LTI_CERT_), checked together, then fixed.

docs/configuration.md is generated from these fields; a test compares them.
"""

from email.policy import EmailPolicy
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SHORTEST_KEY = 16
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}


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

    allow_private_platforms: bool = False
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
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an address like https://certificates.example.edu")
        if parts.path not in {"", "/"}:
            raise ValueError("must not have a path; give the tool a host of its own")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str | None) -> str | None:
        scheme = (value or "sqlite:").split(":", 1)[0].split("+")[0]
        if scheme not in {*_DRIVERS, "sqlite"}:
            raise ValueError("must begin with postgresql:// or sqlite:///")
        return value

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, value: str | None) -> str | None:
        if value and urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value

    @field_validator("mail_url")
    @classmethod
    def _check_mail_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            parts = urlsplit(value.get_secret_value())
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

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if not self.base_url.startswith("https://") and not self.allow_private_platforms and not self.is_local:
            raise ValueError("BASE_URL must be https unless ALLOW_PRIVATE_PLATFORMS is on: browsers refuse the rest")
        return self

    @property
    def is_local(self) -> bool:
        return urlsplit(self.base_url).hostname in {"localhost", "127.0.0.1", "::1"}

    @property
    def sqlalchemy_url(self) -> str:
        if not self.database_url:
            return f"sqlite:///{(self.data_dir / 'lti_cert.sqlite3').resolve()}"
        scheme, rest = self.database_url.split(":", 1)
        return f"{_DRIVERS.get(scheme, scheme)}:{rest}"

    @property
    def is_sqlite(self) -> bool:
        return self.sqlalchemy_url.startswith("sqlite")

    @classmethod
    def from_env(cls) -> Self:
        """Read the environment; all problems at once.

        :raises SettingsInvalid: with a line a problem.
        """
        try:
            return cls()
        except ValidationError as error:
            raise SettingsInvalid("\n".join(_in_words(problem) for problem in error.errors())) from None


def _in_words(problem: object) -> str:
    assert isinstance(problem, dict)  # noqa: S101  (pydantic's ErrorDetails is a dict)
    name = "".join(f"LTI_CERT_{part.upper()}" for part in problem["loc"][:1])
    text = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name or 'LTI_CERT'}: {text}"
