"""On which day something is: as people count days where this installation is, not as UTC does."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from lti_cert.core import current


def zone() -> ZoneInfo:
    return ZoneInfo(current.settings().time_zone)


def day_of(moment: datetime) -> date:
    return moment.astimezone(zone()).date()
