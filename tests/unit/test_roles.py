"""What each context role of the standard means here.

https://www.imsglobal.org/spec/lti/v1p3#context-sub-roles
"""

import pytest

from lti_cert.launch.session import EDITORS
from lti_cert.lti.claims import STAFF, context_roles

MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"

SUB_ROLES = {
    "Administrator": {
        "administrator": "Administrator ExternalSystemAdministrator SystemAdministrator",
        "support": "Developer ExternalDeveloper ExternalSupport Support",
    },
    "ContentDeveloper": {"content_developer": "ContentDeveloper ContentExpert ExternalContentExpert Librarian"},
    "Instructor": {
        "instructor": "ExternalInstructor GuestInstructor Lecturer PrimaryInstructor SecondaryInstructor",
        "teaching_assistant": (
            "Grader TeachingAssistant TeachingAssistantGroup TeachingAssistantOffering TeachingAssistantSection "
            "TeachingAssistantSectionAssociation TeachingAssistantTemplate"
        ),
    },
    "Learner": {"learner": "ExternalLearner GuestLearner Instructor Learner NonCreditLearner"},
    "Manager": {"": "AreaManager CourseCoordinator ExternalObserver Manager Observer"},
    "Member": {"": "Member"},
    "Mentor": {
        "mentor": (
            "Advisor Auditor ExternalAdvisor ExternalAuditor ExternalLearningFacilitator ExternalMentor "
            "ExternalReviewer ExternalTutor LearningFacilitator Mentor Reviewer Tutor"
        )
    },
    "Officer": {"": "Chair Communications Secretary Treasurer Vice-Chair"},
}
TABLE = [
    (kind, name, word) for kind, words in SUB_ROLES.items() for word, names in words.items() for name in names.split()
]


@pytest.mark.parametrize(("kind", "name", "word"), TABLE)
def test_each_sub_role_of_the_standard_has_its_word(kind: str, name: str, word: str) -> None:
    sub_role = f"{MEMBERSHIP}/{kind}#{name}"
    assert context_roles([sub_role]) == ({word} if word else set())
    assert context_roles([f"{MEMBERSHIP}#{kind}", sub_role]) == ({word} if word else set())


@pytest.mark.parametrize("kind", ["Instructor", "Administrator"])
def test_a_sub_role_of_staff_that_the_standard_does_not_know_sees_and_changes_nothing(kind: str) -> None:
    found = context_roles([f"{MEMBERSHIP}#{kind}", f"{MEMBERSHIP}/{kind}#Visitor"])
    assert found == {"support"}
    assert found <= STAFF
    assert not found & EDITORS


def test_what_is_less_than_one_kind_takes_nothing_from_another() -> None:
    support, teacher = f"{MEMBERSHIP}/Administrator#Support", f"{MEMBERSHIP}#Instructor"
    assert context_roles([support, teacher]) == {"support", "instructor"}
    assistant, admin = f"{MEMBERSHIP}/Instructor#TeachingAssistantGroup", f"{MEMBERSHIP}#Administrator"
    assert context_roles([assistant, admin]) == {"teaching_assistant", "administrator"}


def test_short_names_are_read() -> None:
    assert context_roles(["Instructor", "TeachingAssistant", "Dean"]) == {"teaching_assistant"}
