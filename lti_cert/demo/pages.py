"""What people see of the demo LMS: whom to be, the tool inside the course, the discussion and the gradebook."""

import math
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lti_cert.core.errors import InputRejected, NotAllowed, NotFound
from lti_cert.demo import caliper
from lti_cert.demo.course import Course, LineItem, Member
from lti_cert.demo.platform import Launch
from lti_cert.demo.web import current_lms

blueprint = Blueprint("pages", __name__)

LONGEST_POST = 2000

MOST_EXTRA_CREDIT = 2
"""The gradebook takes up to so many times the maximum; more is a slip of the finger."""


class ForeignForm(NotAllowed):
    title = "This form came from another site"
    message = "Changes are taken from the pages of this platform only."
    guidance = "Open the page here and make the change there."


@blueprint.before_request
def _use_own_address() -> ResponseReturnValue | None:
    """Under another name of this host we would not be the origin that tools expect, nor a site apart from theirs."""
    lms = current_lms()
    if request.method != "GET" or request.host == urlsplit(lms.issuer).netloc:
        return None
    return redirect(f"{lms.issuer}{request.full_path.rstrip('?')}")


@blueprint.get("/")
def start() -> str:
    return render_template("demo/start.html", courses=current_lms().courses)


@blueprint.get("/as/<person_id>")
def person(person_id: str) -> str:
    """The course page with the tool in its frame."""
    course, member = _find(person_id)
    launch = _begin_launch(course, member, "iframe")
    return render_template(
        "demo/person.html",
        course=course,
        member=member,
        action=launch.tool.login_url,
        fields=launch.initiation(current_lms().issuer),
        tool_origin="{0.scheme}://{0.netloc}".format(urlsplit(launch.tool.target_link_uri)),
        storage=bool(launch.storage_target),
    )


@blueprint.get("/as/<person_id>/window")
def window(person_id: str) -> str:
    """The same launch, at the top of a window of its own."""
    course, member = _find(person_id)
    launch = _begin_launch(course, member, "window")
    fields = launch.initiation(current_lms().issuer)
    return render_template("demo/post.html", action=launch.tool.login_url, fields=fields, title="Opening the tool")


@blueprint.get("/as/<person_id>/return")
def returned(person_id: str) -> str:
    """Where a tool sends people when it is done: https://www.imsglobal.org/spec/lti/v1p3#launch-presentation-claim."""
    course, member = _find(person_id)
    said = [text for name in ("lti_errormsg", "lti_msg") if (text := request.args.get(name))]
    return render_template("demo/returned.html", course=course, member=member, said=said)


@blueprint.get("/as/<person_id>/gradebook")
def gradebook(person_id: str) -> str:
    course, member = _find_instructor(person_id)
    return _gradebook_page(course, member, saved=request.args.get("saved", type=int))


@blueprint.post("/as/<person_id>/gradebook")
def save_grades(person_id: str) -> ResponseReturnValue:
    """All of the table or nothing: one field that cannot be read, and no score changes."""
    course, member = _find_instructor(person_id)
    _refuse_foreign_form()
    changes: list[tuple[str, str, float | None]] = []
    problems: dict[str, str] = {}
    for field, learner, item in _cells(course):
        if field not in request.form:
            continue
        try:
            score = _read_points(request.form[field], item)
        except ValueError as problem:
            problems[field] = f"{learner.person.name or learner.person.id}, {item.label}: {problem}"
            continue
        result = course.result(learner.person.id, item.id)
        if score != (result.score if result else None):
            changes.append((learner.person.id, item.id, score))
    if problems:
        return _gradebook_page(course, member, problems=problems), 422
    for learner_id, item_id, score in changes:
        course.set_score(learner_id, item_id, score)
    caliper.tell_graded(course, person_id, [(learner_id, item_id) for learner_id, item_id, _ in changes])
    return redirect(url_for(".gradebook", person_id=person_id, course=course.id, saved=len(changes)), 303)


@blueprint.get("/as/<person_id>/discussion")
def discussion(person_id: str) -> str:
    course, member = _find(person_id)
    return render_template(
        "demo/discussion.html",
        course=course,
        member=member,
        posts=[(post, course.member(post.person_id)) for post in reversed(course.posts)],
        longest=LONGEST_POST,
        is_told=request.args.get("told") != "no",
    )


@blueprint.post("/as/<person_id>/discussion")
def write_post(person_id: str) -> ResponseReturnValue:
    course, member = _find(person_id)
    _refuse_foreign_form()
    text = request.form.get("text", "").strip()[:LONGEST_POST]
    if not text:
        raise InputRejected("A post has at least a letter.")
    return _back_to_discussion(course, member, caliper.tell_posted(course, course.write_post(person_id, text)))


@blueprint.post("/as/<person_id>/discussion/<post_id>/remove")
def remove_post(person_id: str, post_id: str) -> ResponseReturnValue:
    """By its author or an instructor."""
    course, member = _find(person_id)
    _refuse_foreign_form()
    post = course.post(post_id)
    if post is None:
        raise NotFound(message="There is no such post any more.", guidance="Go back to the discussion.")
    if post.person_id != person_id and not member.is_instructor:
        raise NotAllowed
    removed = course.remove_post(post_id)
    return _back_to_discussion(course, member, removed is None or caliper.tell_removed(course, removed, person_id))


def _back_to_discussion(course: Course, member: Member, is_told: bool) -> ResponseReturnValue:
    told = None if is_told else "no"
    return redirect(url_for(".discussion", person_id=member.person.id, course=course.id, told=told), 303)


def _refuse_foreign_form() -> None:
    if request.headers.get("Origin", current_lms().issuer) != current_lms().issuer:
        raise ForeignForm


def _gradebook_page(
    course: Course, member: Member, *, saved: int | None = None, problems: dict[str, str] | None = None
) -> str:
    results = {field: course.result(learner.person.id, item.id) for field, learner, item in _cells(course)}
    values = {field: _points(result.score) if result else "" for field, result in results.items()}
    return render_template(
        "demo/gradebook.html",
        course=course,
        member=member,
        learners=_learners(course),
        values={**values, **request.form.to_dict()} if problems else values,
        saved=saved,
        problems=problems or {},
        points=_points,
    )


def _find(person_id: str) -> tuple[Course, Member]:
    course = current_lms().course(request.args.get("course", ""))
    member = course.member(person_id) if course else None
    if course is None or member is None:
        raise NotFound(message="There is no such person in this course.", guidance="Pick a person on the start page.")
    return course, member


def _find_instructor(person_id: str) -> tuple[Course, Member]:
    course, member = _find(person_id)
    if not member.is_instructor:
        raise NotAllowed
    return course, member


def _begin_launch(course: Course, member: Member, target: str) -> Launch:
    lms = current_lms()
    tool = lms.tool(request.args.get("tool", ""))
    if tool is None:
        raise NotFound(message="No such tool is registered here.", guidance="Register one and load this page again.")
    return lms.begin_launch(member.person.id, course=course, tool=tool, document_target=target)


def _learners(course: Course) -> list[Member]:
    return [member for member in course.members if member.role == "Learner"]


def _cells(course: Course) -> list[tuple[str, Member, LineItem]]:
    """Each field of the gradebook's form by its name."""
    items = course.line_items
    return [(f"{m.person.id}/{item.id}", m, item) for m in _learners(course) for item in items]


def _read_points(text: str, item: LineItem) -> float | None:
    """Points as typed, with a decimal point or comma; nothing typed is no score.

    :raises ValueError: in words for the person who typed.
    """
    if not text.strip():
        return None
    most = item.maximum * MOST_EXTRA_CREDIT
    try:
        points = float(text.strip().replace(",", "."))
    except ValueError:
        raise ValueError(f"“{text.strip()[:20]}” is not a number") from None
    if not math.isfinite(points) or not 0 <= points <= most:
        raise ValueError(f"a score must lie between 0 and {_points(most)}")
    return points


def _points(points: float) -> str:
    return repr(float(points)).removesuffix(".0")
