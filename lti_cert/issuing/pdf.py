"""The certificate as a PDF: the values that are printed, and one A4 page made of them.

The same values give the same bytes, so that a stored document can be told from a forged one by its SHA-256.
"""

import base64
import io
import json
import re
import threading
from dataclasses import asdict, dataclass
from functools import cache
from typing import Literal

import jinja2
from pypdf import PdfReader
from reportlab import rl_config
from xhtml2pdf import default, pisa
from xhtml2pdf.config.resources import ResourceAccessPolicy

from lti_cert.core.resources import TEMPLATES
from lti_cert.issuing.composition import Composition
from lti_cert.issuing.embedding import FAMILY, FONT
from lti_cert.issuing.fitting import CertificateDoesNotFit
from lti_cert.issuing.fonts import GlyphMissing

__all__ = ["CertificateDoesNotFit", "GlyphMissing", "Printed", "Signatory", "render"]

_FOLDER = TEMPLATES / "issuing"
_POLICY = ResourceAccessPolicy.server(base_dir=_FOLDER, allow_remote=False)
_SMALLEST_SCALE = 0.5
_CLOCKS = re.compile(rb"/(?:CreationDate|ModDate) \(D:[^)]*\)")
_ONE_AT_A_TIME = threading.Lock()  # ReportLab keeps its fonts for the whole process

default.DEFAULT_FONT[FAMILY] = FAMILY
rl_config.canvas_basefontname = FAMILY  # or every file names Helvetica, which nothing embeds
rl_config.invariant = 1  # neither clock nor chance in the file's identifier
rl_config.useA85 = 0  # ReportLab's ASCII85 is pure Python and takes a fifth of the time


@dataclass(frozen=True)
class Signatory:
    name: str
    role: str = ""


@dataclass(frozen=True)
class Printed:
    """Every value that stands on a certificate, frozen when it was issued."""

    name: str
    title: str
    course: str
    level: Literal["completion", "distinction"]
    date: str  # as people read it
    issuer: str  # the institution or the course's owner; may be empty
    subtitle: str = ""
    signatories: tuple[Signatory, ...] = ()  # up to three
    logo: bytes | None = None  # as `logos.checked_logo` returned it
    verify_url: str = ""
    credential_id: str = ""
    language: str = "en"  # BCP 47, of the values: some letters and Han characters differ between languages

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.signatories) > 3:
            raise ValueError("a certificate has a name and at most three signatories")

    def to_json(self) -> str:
        logo = base64.b64encode(self.logo).decode() if self.logo else None
        return json.dumps(asdict(self) | {"logo": logo}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Printed":
        values = json.loads(text)
        values["signatories"] = tuple(Signatory(**signatory) for signatory in values["signatories"])
        values["logo"] = base64.b64decode(values["logo"]) if values["logo"] else None
        return cls(**values)


def render(printed: Printed) -> bytes:
    """One A4 page.

    :raises GlyphMissing: a character that no face of ours can draw, emoji among them: a name is printed whole or not
        at all.
    :raises CertificateDoesNotFit: more than a page can hold.
    """
    html, composition = _compose(printed)
    target = io.BytesIO()
    with _ONE_AT_A_TIME, FONT.printing(composition.case):
        result = pisa.CreatePDF(
            html,
            target,
            path=str(_FOLDER / "certificate.html"),
            context_meta=_metadata(printed),
            resource_policy=_POLICY,
        )
    if result.err:
        raise RuntimeError(f"the certificate's template has errors: {result.log}")
    # Blanks instead of nothing keep the offsets of the cross-reference table true.
    pdf = _CLOCKS.sub(lambda found: b" " * len(found[0]), target.getvalue())
    if len(PdfReader(io.BytesIO(pdf)).pages) != 1:
        raise CertificateDoesNotFit("the flow went over the page")
    return pdf


def _compose(printed: Printed) -> tuple[str, Composition]:
    """The page as HTML, at the largest scale at which its column is not overfull."""
    scale = 1.0
    while scale >= _SMALLEST_SCALE:
        composition = Composition(printed.language, scale)
        html = _template().render(printed=printed, page=composition, logo=_data_uri(printed.logo))
        if composition.overfull <= 1:
            return html, composition
        scale *= min(0.98, 1 / composition.overfull)
    raise CertificateDoesNotFit(f"the words would have to shrink to {scale:.2f}")


@cache
def _template() -> jinja2.Template:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.do"],
    ).get_template("certificate.html")


def _data_uri(image: bytes | None) -> str | None:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}" if image else None


def _metadata(printed: Printed) -> dict[str, str]:
    return {
        "title": f"{printed.title}: {printed.name}",
        "author": printed.issuer,
        "subject": printed.course,
        "keywords": printed.credential_id,
    }
