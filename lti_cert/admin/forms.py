"""What the console's forms take. Each POST carries a token besides, which `views` checks before it looks at a form."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Form, IntegerField, PasswordField, SearchField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp

from lti_cert.admin import course_health, passwords, words
from lti_cert.admin.accounts import LONGEST_EMAIL
from lti_cert.core.database import LARGEST_INTEGER
from lti_cert.core.errors import InputRejected
from lti_cert.lti import products, registrations
from lti_cert.lti.models import Registration
from lti_cert.registration.invites import LIFETIME

DEPLOYMENTS = {"": None, "accept": True, "hold": False}
"""What a choice about new deployments means; None leaves it to the product."""

_ONE_LINE = Regexp(r"\A[^\x00-\x1f\x7f]*\Z", message="It must be one line of text.")


def _choices(labels: Mapping[str, str]) -> list[Any]:
    return [SelectChoice(value, label) for value, label in labels.items()]


class ConsoleForm(Form):
    """What is wrong stands beside its field, and the first such field has the focus when the page opens."""

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        is_valid: bool = super().validate(extra_validators)
        self._lead_to_first()
        return is_valid

    def refuse(self, fault: InputRejected) -> tuple[str, ...]:
        """Put what a verb refused beside its fields; what is about none of them is handed back."""
        elsewhere = list(fault.problems)
        for name, problems in fault.fields.items():
            if name in self:
                self[name].errors = [*self[name].errors, *problems]
                elsewhere = [each for each in elsewhere if each not in problems]
        self._lead_to_first()
        return tuple(elsewhere)

    def _lead_to_first(self) -> None:
        first = next((field for field in self if field.errors), None)
        if first is not None:
            first.render_kw = {**(first.render_kw or {}), "autofocus": True}


class SignInForm(ConsoleForm):
    email = StringField("E-mail", [InputRequired("Enter your e-mail address."), Length(max=LONGEST_EMAIL), _ONE_LINE])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=passwords.LONGEST)])


class CourseFilter(Form):
    q = SearchField("Title, short name or id", [Length(max=200), _ONE_LINE], default="")
    health = SelectField("Health", default="")
    platform = IntegerField("Platform", [Optional(), NumberRange(0, LARGEST_INTEGER)])

    def offer(self, counts: dict[str, int]) -> None:
        """The healths to choose from, each with how many there are."""
        each = {word: (health.word, counts.get(word, 0)) for word, health in words.COURSES.items()}
        troubled = sum(counts.get(word, 0) for word in course_health.TROUBLED)
        offered = {"": ("All", sum(counts.values())), "troubled": ("In trouble", troubled), **each}
        self.health.choices = _choices({value: f"{word} ({number:,})" for value, (word, number) in offered.items()})


class OutboxFilter(Form):
    state = SelectField("State", choices=_choices({state: health.word for state, health in words.TASKS.items()}))
    job = SelectField("What it does", default="")

    def offer(self, jobs: Sequence[str]) -> None:
        self.job.choices = _choices({"": "All"} | {name: words.JOBS.get(name, name) for name in jobs})


class AuditFilter(Form):
    q = SearchField("What was done, to what, or by whom", [Length(max=200), _ONE_LINE], default="")


class DeploymentForm(ConsoleForm):
    deployment_id = StringField(
        "Id of a deployment that has not launched yet",
        [DataRequired("Enter the deployment id."), Length(max=255), _ONE_LINE],
    )


def _line(
    label: str, *, longest: int = registrations.LONGEST_ID, description: str = "", id: str | None = None
) -> StringField:
    limits = [Length(max=longest), _ONE_LINE]
    return StringField(label, limits, filters=[lambda text: (text or "").strip()], description=description, id=id)


class InviteForm(ConsoleForm):
    name = _line("Name", description="What you call the platform. Empty: what it calls itself.")
    activates = BooleanField("Let it launch as soon as it has registered")
    deployments = SelectField(
        "Deployments that launch for the first time",
        choices=_choices({"": "As is usual for its product", "accept": "May launch at once", "hold": "Wait for you"}),
        default="",
    )
    days = IntegerField("Days that the address works", [InputRequired(), NumberRange(1, 365)], default=LIFETIME.days)


class CorrectForm(ConsoleForm):
    """What is known of a platform; the fields are named as its columns."""

    name = _line("Name", description="What you call it.")
    issuer = _line("Issuer", longest=registrations.LONGEST_ADDRESS)
    client_id = _line("Client id", description="The id that it gave this tool.")
    auth_url = _line("Login address", longest=registrations.LONGEST_ADDRESS)
    token_url = _line("Token address", longest=registrations.LONGEST_ADDRESS)
    jwks_url = _line("Key set address", longest=registrations.LONGEST_ADDRESS)
    audience = _line(
        "Audience",
        longest=registrations.LONGEST_ADDRESS,
        description="Only where it is neither the token address nor the product’s usual one.",
    )
    accepts_new_deployments = BooleanField("Deployments that launch for the first time may launch at once")

    def changes(self) -> dict[str, Any]:
        return self.data | {"audience": self.audience.data or None}


class AddForm(ConsoleForm):
    preset = SelectField(
        "Product",
        choices=_choices({"": "Another"} | {name: preset.title for name, (_, preset) in products.PRESETS.items()}),
        default="",
        description="Fills in the addresses that are known; what you enter goes before.",
    )
    site = _line("Address of the site", longest=registrations.LONGEST_ADDRESS, description="Where people sign in.")
    client_id = CorrectForm.client_id
    name = CorrectForm.name
    deployment_id = _line("Deployment id", description="If you know it. Others then wait for you.")
    issuer = CorrectForm.issuer
    auth_url = CorrectForm.auth_url
    token_url = CorrectForm.token_url
    jwks_url = CorrectForm.jwks_url
    audience = CorrectForm.audience


class MoveForm(ConsoleForm):
    to = SelectField("To")
    deployment_id = _line(
        "Deployment id there", description="Where the new platform has several.", id="move-deployment"
    )

    @classmethod
    def among(cls, platforms: Sequence[Registration], sent: MultiDict[str, str] | None = None) -> Self:
        form = cls(sent)
        form.to.choices = _choices({str(one.id): f"{one.id}: {one.name or one.issuer}" for one in platforms})
        return form


def check(form: Form) -> None:
    """:raises InputRejected: naming each field that cannot be."""
    if not form.validate():
        raise InputRejected(*(f"{field.label.text}: {field.errors[0]}" for field in form if field.errors))


def row_ids(sent: MultiDict[str, str]) -> list[int]:
    """The rows that were selected.

    :raises InputRejected: one is no number.
    """
    values = sent.getlist("row")
    if any(not (value.isascii() and value.isdigit() and len(value) < 20) for value in values):
        raise InputRejected("A row is named by its number.")
    return list(dict.fromkeys(map(int, values)))
