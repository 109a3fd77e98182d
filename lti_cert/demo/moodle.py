"""Moodle's web services, as a real one answers: errors come with status 200, the report has no pages, pages of people
have holes.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, json, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from lti_cert.demo.course import INSTRUCTOR, TEACHING_ASSISTANT, Course, LineItem, Member
from lti_cert.demo.faults import Fault
from lti_cert.demo.moodle_site import Discussion, Forum, MoodleSite, Post
from lti_cert.demo.web import current_lms

blueprint = Blueprint("moodle", __name__)

COURSE_TOTAL = 1
"""The grade item that stands behind all others."""


class MoodleException(Exception):
    def __init__(self, errorcode: str, message: str) -> None:
        super().__init__(message)
        self.errorcode = errorcode

    def body(self) -> str:
        return json.dumps({"exception": "moodle_exception", "errorcode": self.errorcode, "message": str(self)})


def exception(errorcode: str, message: str = "Something went wrong") -> Fault:
    """As a planned fault."""
    return Fault(status=200, body=MoodleException(errorcode, message).body())


@blueprint.post("/webservice/rest/server.php")
def answer() -> ResponseReturnValue:
    site = current_lms().moodle
    if site is None:
        raise NotFound
    try:
        answered = _answer(site, request.form)
    except MoodleException as fault:
        return Response(fault.body(), mimetype="application/json")
    return answered if isinstance(answered, Response) else Response(json.dumps(answered), mimetype="application/json")


def _answer(site: MoodleSite, form: Mapping[str, str]) -> Any:
    if request.args:
        raise MoodleException("invalidparameter", "A token belongs into the body")
    if not site.token or form.get("wstoken") != site.token:
        raise MoodleException("invalidtoken", "Invalid token - token not found")
    if site.is_in_maintenance:
        raise MoodleException("sitemaintenance", "The site is undergoing maintenance")
    function = form.get("wsfunction", "")
    if function not in site.functions:
        raise MoodleException("accessexception", "Access control exception")
    return _FUNCTIONS[function](site, form)


def _require(site: MoodleSite, *capabilities: str) -> None:
    for capability in capabilities:
        if capability not in site.capabilities:
            raise MoodleException(
                "nopermissions", f"Sorry, but you do not currently have permissions to do that ({capability})."
            )


def _course(site: MoodleSite, course_id: str) -> Course:
    course = current_lms().course(course_id) if course_id else None
    if course is None:
        raise MoodleException("invalidrecord", "Can't find data record in database table course.")
    if "moodle/course:view" not in site.capabilities:
        raise MoodleException("errorcoursecontextnotvalid", "Course or activity not accessible. (Not enrolled)")
    return course


def _site_info(site: MoodleSite, _form: Mapping[str, str]) -> Any:
    return {
        "sitename": "Demo LMS",
        "username": "wsservice",
        "userid": 5,
        "siteurl": current_lms().issuer,
        "release": "4.1.10 (Build: 20240422)",
        "functions": [{"name": name, "version": "2022112810"} for name in sorted(site.functions)],
    }


# People


def _role(site: MoodleSite, member: Member) -> str:
    if member.person.id in site.roles:
        return site.roles[member.person.id]
    if TEACHING_ASSISTANT[0] in member.roles:
        return "teacher"
    return "editingteacher" if set(INSTRUCTOR) <= set(member.roles) else "student"


def _visible(site: MoodleSite, course: Course) -> list[Member]:
    members = sorted(course.members, key=lambda member: int(member.person.id))
    if site.groups and "moodle/site:accessallgroups" not in site.capabilities:
        own = site.groups[min(site.groups)]
        return [member for member in members if member.person.id in own]
    return members


def _enrolled_users(site: MoodleSite, form: Mapping[str, str]) -> Any:
    course = _course(site, form["courseid"])
    _require(site, "moodle/course:viewparticipants")
    options: dict[str, str] = {}
    while f"options[{len(options)}][name]" in form:
        place = f"options[{len(options)}]"
        options[form[f"{place}[name]"]] = form[f"{place}[value]"]
    found = _visible(site, course)
    if options.get("onlyactive") == "1":
        _require(site, "moodle/course:enrolreview")
        found = [member for member in found if member.status == "Active"]
    start = int(options.get("limitfrom", 0))
    number = int(options.get("limitnumber", 0)) or len(found)
    page = found[start : start + number]
    return [_user_json(site, member) for member in page if member.person.id not in site.unseen]


def _user_json(site: MoodleSite, member: Member) -> dict[str, Any]:
    person = member.person
    groups = [{"id": group, "name": f"Group {group}"} for group, people in site.groups.items() if person.id in people]
    return {
        "id": int(person.id),
        "fullname": person.name,
        **({"email": person.email} if person.email else {}),
        "roles": [{"roleid": 5, "name": "", "shortname": _role(site, member), "sortorder": 0}],
        **({"groups": groups} if groups else {}),
    }


# Grades


def _grade_items(site: MoodleSite, form: Mapping[str, str]) -> Any:
    course = _course(site, form["courseid"])
    _require(site, "gradereport/user:view")
    person, group = form.get("userid", "0"), int(form.get("groupid", "0"))
    if person == "0":
        _require(site, "moodle/grade:viewall")
    visible = _visible(site, course)
    if person != "0":
        members = [member for member in visible if member.person.id == person]
        if not members:
            raise MoodleException("notingroup", "Sorry, but you need to be part of a group to see this page.")
    else:
        members = [member for member in visible if _role(site, member) in site.graded_roles]
        if group:
            members = [member for member in members if member.person.id in site.groups[group]]
    if len(members) > site.report_bears:
        return Response("<html><head><title>504 Gateway Time-out</title></head></html>", 504, mimetype="text/html")
    if any("&" in item.label.replace("&amp;", "") for item in course.line_items):
        raise MoodleException("invalidresponse", "Invalid response value detected")
    return {"usergrades": [_user_grades_json(site, course, member) for member in members], "warnings": []}


def _user_grades_json(site: MoodleSite, course: Course, member: Member) -> dict[str, Any]:
    who = member.person.id
    seen = [item for item in course.line_items if who in site.restricted_items.get(item.id, {who})]
    rows = [_grade_json(site, course, item, who) for item in seen]
    graded = [row for row in rows if row["graderaw"] is not None]
    total = {
        **_item_json(COURSE_TOTAL, None, "course"),
        "iteminstance": 1,
        "graderaw": sum(row["graderaw"] for row in graded) if graded else None,
        "grademin": 0,
        "grademax": sum(row["grademax"] for row in graded),
    }
    return {
        "courseid": int(course.id),
        "userid": int(member.person.id),
        "userfullname": member.person.name,
        "gradeitems": [_shown(site, row) for row in (*rows, total)],
    }


def _shown(site: MoodleSite, row: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the course's user report does not show."""
    left_out = {key for setting in site.settings_off for key in _SHOWN_BY[setting]}
    return {key: value for key, value in row.items() if key not in left_out}


_SHOWN_BY = {
    "Show grades": ("graderaw", "gradehiddenbydate", "gradeneedsupdate", "gradeishidden", "gradeislocked"),
    "Show ranges": ("grademin", "grademax", "rangeformatted"),
    "Show weightings": ("weightraw", "status"),
}


def _item_json(number: int, name: str | None, kind: str) -> dict[str, Any]:
    return {
        "id": number,
        "itemname": name,
        "itemtype": kind,
        "itemmodule": None,
        "iteminstance": None,
        "categoryid": None if kind == "course" else 1,
        "outcomeid": None,
        "scaleid": None,
        "locked": False,
        "gradehiddenbydate": False,
        "gradeneedsupdate": False,
        "gradeishidden": False,
        "gradeislocked": False,
    }


def _grade_json(site: MoodleSite, course: Course, item: LineItem, person_id: str) -> dict[str, Any]:
    result = course.result(person_id, item.id)
    mine = (person_id, item.id)
    is_hidden = item.id in site.hidden_items or mine in site.hidden_grades
    is_shown = not is_hidden or "moodle/grade:viewhidden" in site.capabilities
    is_stuck = item.id in site.stuck_items
    row = {
        **_item_json(int(item.id), item.label, "mod" if item.resource_link_id else "manual"),
        "locked": item.id in site.locked_items,
        "gradeishidden": is_hidden,
        "gradeislocked": item.id in site.locked_items or mine in site.locked_grades,
        "gradeneedsupdate": is_stuck,
        "graderaw": result.score if result and is_shown and not is_stuck else None,
        "grademin": site.minima.get(item.id, 0),
        "grademax": item.maximum,
        "rangeformatted": f"{site.minima.get(item.id, 0)}&ndash;{item.maximum:g}",
        "weightraw": 0 if result is None or item.id in site.weightless_items else 0.25,
    }
    if item.resource_link_id:
        row |= {"itemmodule": "lti", "iteminstance": int(item.resource_link_id)}
    if item.id in site.outcomes:
        row["outcomeid"] = row["scaleid"] = 1
        del row["weightraw"]  # it is told of what is aggregated
        return row
    if mine in site.excluded_grades:
        row |= {"status": "excluded", "weightraw": 0}
    elif mine in site.dropped_grades:
        row |= {"status": "dropped", "weightraw": 0}
    elif result is None:
        row["status"] = "novalue"
    return row


# Forums


def _forums(site: MoodleSite, form: Mapping[str, str]) -> Any:
    course = _course(site, form["courseids[0]"])
    return [{"id": forum.id, "course": int(course.id), "type": "general"} for forum in site.forums.get(course.id, ())]


def _all_forums(site: MoodleSite) -> list[Forum]:
    return [forum for forums in site.forums.values() for forum in forums]


def _discussions(site: MoodleSite, form: Mapping[str, str]) -> Any:
    _require(site, "mod/forum:viewdiscussion")
    forum = next(forum for forum in _all_forums(site) if forum.id == int(form["forumid"]))
    start = int(form["page"]) * int(form["perpage"])
    page = forum.discussions[start : start + int(form["perpage"])]
    if "mod/forum:viewqandawithoutposting" not in site.capabilities:
        warning = {"item": "post", "warningcode": "1", "message": "You can't see this discussion"}
        return {"discussions": [], "warnings": [{**warning, "itemid": discussion.id} for discussion in page]}
    return {"discussions": [_discussion_json(discussion) for discussion in page], "warnings": []}


def _discussion_json(discussion: Discussion) -> dict[str, Any]:
    first, *replies = discussion.posts
    return {
        "id": discussion.id * 100,
        "discussion": discussion.id,
        "userid": int(first.author),
        "numreplies": len(replies),
        "message": "…",
    }


def _posts(site: MoodleSite, form: Mapping[str, str]) -> Any:
    _require(site, "mod/forum:viewdiscussion")
    number = int(form["discussionid"])
    discussions = (discussion for forum in _all_forums(site) for discussion in forum.discussions)
    found = next(discussion for discussion in discussions if discussion.id == number)
    return {"posts": [_post_json(number, place, post) for place, post in enumerate(found.posts)], "warnings": []}


def _post_json(discussion: int, place: int, post: Post) -> dict[str, Any]:
    return {
        "id": discussion * 100 + place,
        "discussionid": discussion,
        "author": {"id": int(post.author), "fullname": "…", "isdeleted": False},
        "isdeleted": post.is_deleted,
        "isprivatereply": post.is_private,
    }


_FUNCTIONS: Mapping[str, Callable[[MoodleSite, Mapping[str, str]], Any]] = {
    "core_webservice_get_site_info": _site_info,
    "core_enrol_get_enrolled_users": _enrolled_users,
    "gradereport_user_get_grade_items": _grade_items,
    "mod_forum_get_forums_by_courses": _forums,
    "mod_forum_get_forum_discussions": _discussions,
    "mod_forum_get_discussion_posts": _posts,
}
