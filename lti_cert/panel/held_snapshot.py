"""A reading that is held, since it lost too much or tries another source: what accepting it would do, before somebody
does.
"""

from collections.abc import Callable

from lti_cert.achievements.models import Achievement, Status
from lti_cert.certificates import preview
from lti_cert.core.database import db
from lti_cert.core.errors import NotFound
from lti_cert.courses import sync
from lti_cert.courses.models import HeldSnapshot, SyncRun
from lti_cert.panel import source_choice
from lti_cert.panel.instructor_pages import HeldPage
from lti_cert.panel.place import Place, header
from lti_cert.panel.previewing import shown


class NothingHeld(NotFound):
    title = "Nothing is held back"
    message = "There is no reading that waits to be accepted; somebody may have done it, or a newer one has come."
    guidance = "Look at the overview."


def page_for(place: Place) -> HeldPage:
    """:raises NothingHeld"""
    held = db.session.get(HeldSnapshot, place.course.id)
    if held is None:
        raise NothingHeld(f"course {place.course.id}")
    run_id = held.run_id
    run = db.session.get_one(SyncRun, run_id)
    previews = [
        (
            achievement.title,
            shown(preview.rehearse(_accepting(place, run_id, achievement)), approval=achievement.approval),
        )
        for achievement in place.achievements
        if achievement.status == Status.OPEN
    ]
    return HeldPage(
        header(place),
        run_id=run_id,
        at=run.started_at,
        reason=run.reason,
        previews=tuple(previews),
        mapped=source_choice.mapped(place.course, db.session.get_one(SyncRun, run_id)),
    )


def _accepting(place: Place, run_id: int, achievement: Achievement) -> Callable[[], Achievement]:
    def accept() -> Achievement:
        sync.accept_held(place.course, run_id)
        return achievement

    return accept
