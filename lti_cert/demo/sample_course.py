"""Data Literacy 101: six assessments, and nine learners each of whom shows something, on paper and on the way there."""

from dataclasses import replace

from lti_cert.demo.course import INSTRUCTOR, TEACHING_ASSISTANT, Course, LineItem, Member, Person

COMPLETION_PERCENT, DISTINCTION_PERCENT = 60, 85
"""The demo's rule: each assessment, with approval. The learners' situations are told by it."""

_LINE_ITEMS = (
    LineItem("quiz-1", "Quiz 1: Reading charts", 20),
    LineItem("quiz-2", "Quiz 2: Averages and spread", 20),
    LineItem("lab", "Lab: Cleaning a data set", 50),
    LineItem("midterm", "Midterm", 100),
    LineItem("peer-review", "Peer review", 10),
    LineItem("project", "Final project", 100),
)

_STAFF = (
    (
        Person("ines", "Ines Weber", "Ines", "Weber"),
        INSTRUCTOR,
        "teaches the course, approves certificates, edits grades",
    ),
    (Person("thandiwe", "Thandiwe Dlamini", "Thandiwe", "Dlamini"), TEACHING_ASSISTANT, "helps in the course"),
)

_LEARNERS = (
    (
        Person("zoe", "Zoë Ångström", "Zoë", "Ångström"),
        (15, 17.5, 41, 72, 8, 58),
        "nearly there: two points short in the final project",
    ),
    (
        Person("minh-anh", "Nguyễn Thị Minh Anh", "Minh Anh", "Nguyễn"),
        (14, 12.5, 36, 66, 7.5, 71),
        "reaches completion",
    ),
    (
        Person("alexandra", "Αλεξάνδρα Παπαδοπούλου", "Αλεξάνδρα", "Παπαδοπούλου"),
        (19, 20, 48.5, 93, 10.5, 96),
        "reaches distinction, with extra credit in the peer review",
    ),
    (
        Person("yusuf", "يوسف الفاسي", "يوسف", "الفاسي"),
        (18, 16, 40, 77, 9, None),
        "one score missing: the final project is not graded yet",
    ),
    (
        Person("misaki", "田中 美咲", "美咲", "田中"),
        (12, 12, 30, 60, 6, 60),
        "exactly at the bar for completion, everywhere",
    ),
    (
        Person("lukasz", "Łukasz Żółkiewski", "Łukasz", "Żółkiewski"),
        (17, 0, 44, 81, 8, 79),
        "good work, and a real zero in quiz 2",
    ),
    (
        Person("olena", "Олена Коваленко", "Олена", "Коваленко"),
        (None, None, None, None, None, None),
        "has just joined: nothing graded yet",
    ),
    (
        Person("bjork", "Björk Guðmundsdóttir", "Björk", "Guðmundsdóttir"),
        (13, 15, 33.5, 68, 7, 64),
        "reaches completion, and has no e-mail address",
    ),
    (
        Person("joao", "João Gonçalves", "João", "Gonçalves"),
        (18, 17, 45, 84, 9, 91),
        "reaches completion, one point short of distinction in the midterm",
    ),
)
"""With their scores in the order of the line items; None is not graded."""

_WITHOUT_EMAIL = {"bjork"}


def sample_course() -> Course:
    course = Course("data-literacy-101", "Data Literacy 101", "DL101")
    for item in _LINE_ITEMS:
        course.put_line_item(item)
    course.add_members(Member(_complete(person, situation), roles) for person, roles, situation in _STAFF)
    for person, scores, situation in _LEARNERS:
        course.add_members([Member(_complete(person, situation))])
        for item, score in zip(_LINE_ITEMS, scores, strict=True):
            course.set_score(person.id, item.id, score)
    return course


def _complete(person: Person, situation: str) -> Person:
    email = "" if person.id in _WITHOUT_EMAIL else f"{person.id}@example.edu"
    return replace(person, email=email, situation=situation)
