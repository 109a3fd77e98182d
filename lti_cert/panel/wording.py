"""How numbers and names are said on the pages: truncated, never rounded up to a bar that was not reached."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from urllib.parse import urlencode

NBSP = "\u00a0"
MILLIONTHS = 1_000_000


def percent(points: Fraction | int) -> str:
    """Percentage points as shown: one decimal at most, cut off. 69.996 reads 69.9 %, never 70 %."""
    tenths = points * 10 // 1
    whole, tenth = divmod(abs(tenths), 10)
    sign = "-" if tenths < 0 else ""
    return f"{sign}{whole}.{tenth}{NBSP}%" if tenth else f"{sign}{whole}{NBSP}%"


def percent_of(score: int, maximum: int) -> str:
    """Both in millionths, as they are kept; a maximum of 0 or less has no percentage and reads as a dash."""
    return percent(Fraction(score * 100, maximum)) if maximum > 0 else "–"


def points(millionths: int) -> str:
    """A score or maximum in points: two decimals at most, cut off; 17.4 reads 17.4 and 20 reads 20."""
    hundredths = abs(millionths) // (MILLIONTHS // 100)
    whole, rest = divmod(hundredths, 100)
    decimals = f".{rest:02d}".rstrip("0").rstrip(".")
    return ("-" if millionths < 0 else "") + f"{whole}{decimals}"


def counted(count: int, one: str, many: str) -> str:
    """`counted(1, "certificate", "certificates")` reads "1 certificate"."""
    return f"{count:,} {one if count == 1 else many}"


def linkedin_link(name: str, organization: str, issued_on: date, verify_url: str, credential_id: str) -> str:
    """LinkedIn's add-to-profile page with the fields filled in as far as LinkedIn still takes them."""
    fields: Mapping[str, str | int] = {
        "startTask": "CERTIFICATION_NAME",
        "name": name,
        "organizationName": organization,
        "issueYear": issued_on.year,
        "issueMonth": issued_on.month,
        "certUrl": verify_url,
        "certId": credential_id,
    }
    return f"https://www.linkedin.com/profile/add?{urlencode(fields)}"
