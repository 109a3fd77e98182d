"""What a Moodle knows beside courses, people and grades, and what its administrator may have forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass, field

FUNCTIONS = (
    "core_webservice_get_site_info",
    "core_enrol_get_enrolled_users",
    "gradereport_user_get_grade_items",
    "mod_forum_get_forums_by_courses",
    "mod_forum_get_forum_discussions",
    "mod_forum_get_discussion_posts",
)
CAPABILITIES = (
    "moodle/course:view",
    "moodle/course:viewparticipants",
    "moodle/course:enrolreview",
    "gradereport/user:view",
    "moodle/grade:viewall",
    "moodle/grade:viewhidden",
    "moodle/site:accessallgroups",
    "mod/forum:viewdiscussion",
    "mod/forum:viewqandawithoutposting",
)


@dataclass(frozen=True)
class Post:
    author: str
    is_private: bool = False
    is_deleted: bool = False


@dataclass
class Discussion:
    id: int
    posts: list[Post]
    """The first began it."""


@dataclass
class Forum:
    id: int
    discussions: list[Discussion] = field(default_factory=list)


@dataclass
class MoodleSite:
    """Courses and people have numbers for ids here, and line items are grade items."""

    token: str = ""
    """The one that its web services take."""
    functions: set[str] = field(default_factory=lambda: set(FUNCTIONS))
    """What its external service offers."""
    capabilities: set[str] = field(default_factory=lambda: set(CAPABILITIES))
    """What the user of the token may do."""
    is_in_maintenance: bool = False
    report_bears: int = 10_000
    """Learners of one report; the time-out of the server in front ends a larger one."""
    roles: dict[str, str] = field(default_factory=dict)
    """Short names of roles, by the person, where they are not those that come with Moodle."""
    graded_roles: set[str] = field(default_factory=lambda: {"student"})
    groups: dict[int, set[str]] = field(default_factory=dict)
    """People in them. Without `accessallgroups` the first is all that the user of the token sees."""
    unseen: set[str] = field(default_factory=set)
    """People whose profile the user of the token may not see."""
    hidden_items: set[str] = field(default_factory=set)
    hidden_grades: set[tuple[str, str]] = field(default_factory=set)
    """Of a person, in an item; so too what is excluded."""
    excluded_grades: set[tuple[str, str]] = field(default_factory=set)
    dropped_grades: set[tuple[str, str]] = field(default_factory=set)
    """So too what is left out of the total: excluded, or the lowest of a category."""
    locked_items: set[str] = field(default_factory=set)
    locked_grades: set[tuple[str, str]] = field(default_factory=set)
    """So too what nobody may change in Moodle any more, which is graded all the same."""
    settings_off: set[str] = field(default_factory=set)
    """What the user report does not show: “Show grades”, “Show ranges”, “Show weightings”."""
    weightless_items: set[str] = field(default_factory=set)
    outcomes: set[str] = field(default_factory=set)
    """Items that are outcomes, which totals leave out."""
    restricted_items: dict[str, set[str]] = field(default_factory=dict)
    """Items whose activity is shown to these people only."""
    stuck_items: set[str] = field(default_factory=set)
    """Their grades have not been worked out."""
    minima: dict[str, float] = field(default_factory=dict)
    """The lowest grade of an item, where it is not 0."""
    forums: Mapping[str, list[Forum]] = field(default_factory=dict)
    """By the course."""
