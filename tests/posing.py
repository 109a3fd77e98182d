"""The demo LMS of a world as one of the products that show a tool nothing of their gradebook by themselves."""

from dataclasses import replace

from lti_cert.demo import manners
from lti_cert.demo.canvas_site import CanvasSite
from lti_cert.demo.course import INSTRUCTOR, Course, LineItem, Member, Person
from lti_cert.demo.moodle_site import MoodleSite
from tests.canvas_world import CUSTOM
from tests.world import World


def as_canvas(world: World) -> CanvasSite:
    site = world.lms.canvas = CanvasSite()
    world.lms.manners, world.lms.opens_gradebook = manners.CANVAS, False
    world.lms.tools[0] = replace(world.lms.tools[0], custom=CUSTOM)
    return site


def connect_canvas(world: World, site: CanvasSite) -> None:
    """As the administrator does it: the key alone, by which instructors connect their courses."""
    _connect(world, "canvas", "--client-id", site.client_id, "--secret-stdin", given=site.secret)


def as_moodle(world: World) -> MoodleSite:
    """With a course of its own, since it names everything by numbers."""
    site = world.lms.moodle = MoodleSite(token="the-token-of-the-service")
    world.lms.courses, world.lms.manners, world.lms.opens_gradebook = [_moodle_course()], manners.MOODLE, False
    return site


def connect_moodle(world: World, site: MoodleSite) -> None:
    _connect(world, "moodle", "--token-stdin", given=site.token)


def _connect(world: World, name: str, *words: str, given: str) -> None:
    done = world.run("source", "connect", "1", name, "--url", world.lms_url, *words, given=f"{given}\n")
    assert done.exit_code == 0, done.stderr


def _moodle_course() -> Course:
    course = Course("2", "Certificate Course 101", "CERT101")
    course.add_members([Member(Person("3", "Terézia Učiteľová"), INSTRUCTOR)])
    course.add_members(
        [Member(Person("6", "Zoë Ångström")), Member(Person("7", "小龙 李")), Member(Person("8", "محمد علي"))]
    )
    for item in (LineItem("4", "Essay", 100), LineItem("5", "Quiz", 20)):
        course.put_line_item(item)
    for person_id, essay, quiz in (("6", 82, 17.4), ("7", 59.9, 20), ("8", 70, None)):
        course.set_score(person_id, "4", essay)
        course.set_score(person_id, "5", quiz)
    return course
