"""The design tab: what a certificate says beside its title, and the real document next to the form."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from werkzeug.datastructures import FileStorage, MultiDict

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import Level
from lti_cert.achievements.models import Achievement
from lti_cert.core.errors import InputRejected, LtiCertError, NotFound
from lti_cert.issuing import design as designs
from lti_cert.issuing import printing
from lti_cert.issuing.models import Design
from lti_cert.issuing.pdf import Signatory
from lti_cert.panel import forms, picture
from lti_cert.panel.instructor_pages import DesignPage, DesignPreview
from lti_cert.panel.pages import Notice
from lti_cert.panel.place import Place, header

Files = MultiDict[str, FileStorage]


class NothingToDesign(NotFound):
    title = "There is no certificate to design yet"
    message = "This course has no rules yet, so there is nothing that could be issued."
    guidance = "Set the rules first, then come back."


@dataclass(frozen=True)
class Written:
    """The form as it was sent."""

    subtitle: str
    issuer: str
    signatories: Sequence[Signatory]
    logo: bytes | None
    """As uploaded; None where nothing was."""
    removes_logo: bool


def read(form: forms.Form, files: Files) -> Written:
    upload = files.get("logo")
    numbers = range(1, designs.MOST_SIGNATORIES + 1)
    return Written(
        subtitle=form.get("subtitle", ""),
        issuer=form.get("issuer", ""),
        signatories=[
            Signatory(form.get(f"signatory_{n}_name", ""), form.get(f"signatory_{n}_role", "")) for n in numbers
        ],
        logo=(upload.read() or None) if upload else None,
        removes_logo=form.get("remove_logo") == "yes",
    )


def read_level(form: forms.Form) -> Level:
    return Level(forms.choice(form, "level", list(Level), default=Level.COMPLETION))


def _design(achievement: Achievement, written: Written) -> Design:
    """:raises InputRejected: with a sentence for every problem."""
    kept = None if written.removes_logo else designs.design_of(achievement).logo
    return designs.read(
        achievement,
        subtitle=written.subtitle,
        issuer=written.issuer,
        signatories=written.signatories,
        logo=written.logo or kept,
    )


def page_for(place: Place, written: Written | None = None, notice: Notice | None = None) -> DesignPage:
    """The saved design, or the form as it was sent."""
    achievement = place.achievement
    if achievement is None:
        return DesignPage(header(place, notice), "", "", ())
    saved = designs.design_of(achievement)
    return DesignPage(
        header=header(place, notice),
        subtitle=written.subtitle if written else saved.subtitle,
        issuer=written.issuer if written else saved.issuer,
        signatories=tuple(written.signatories if written else (Signatory(**one) for one in saved.signatories)),
        has_distinction=saving.rule_of(achievement).offers_distinction,
        logo_url=_as_url(saved.logo) if saved.logo else "",
        is_rejected=written is not None,
    )


def rejected(place: Place, written: Written, fault: InputRejected) -> DesignPage:
    return page_for(place, written, Notice("failed", "Nothing was saved. Please correct this:", fault.problems))


def save(place: Place, written: Written) -> Notice:
    """In the caller's transaction.

    :raises InputRejected: with a sentence for every problem.
    """
    designs.save(_design(_achievement(place), written))
    return Notice("done", "The design is saved. It is used for certificates issued from now on.")


def preview_of(place: Place, written: Written, level: Level) -> DesignPreview:
    """With the form as it stands; with the saved design for those who may not change it."""
    achievement = _achievement(place)
    try:
        may_edit = place.viewer.may_edit
        design = _design(achievement, written) if may_edit else designs.design_of(achievement)
        drawn = picture.of_first_page(printing.preview(achievement, design, level))
        return DesignPreview(_as_url(drawn), level, left_out=printing.decoration_of(achievement, design))
    except LtiCertError as fault:
        return DesignPreview(level=level, failed_because=fault.shown_message)


def _achievement(place: Place) -> Achievement:
    if place.achievement is None:
        raise NothingToDesign(f"course {place.course.id}")
    return place.achievement


def _as_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
