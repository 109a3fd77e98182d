"""The map of what follows what: event → jobs, and what runs by the clock. Every asynchronous consequence is in this
file.
"""

from datetime import timedelta

from lti_cert.achievements.events import AchievementChanged
from lti_cert.activity import counting
from lti_cert.activity.events import FeedReceived
from lti_cert.admin import session as console_session
from lti_cert.certificates import evaluation
from lti_cert.certificates.events import (
    CertificateAwarded,
    CertificateDenied,
    CertificateProposed,
    CertificateRevoked,
)
from lti_cert.courses import freshness, sync, uploading
from lti_cert.courses.events import (
    AddressLearned,
    CourseSynced,
    EvidenceChanged,
    GradesChanged,
    IdentityLearned,
    InstructorReachable,
    NameLearned,
    SyncDue,
)
from lti_cert.issuing import issue
from lti_cert.issuing.events import CertificateIssued, DesignChanged, DocumentsWait
from lti_cert.launch import purge
from lti_cert.notices import digest, notify
from lti_cert.outbox import tending
from lti_cert.outbox.outbox import ClockRule, Job, JobMap
from lti_cert.sources import revoking
from lti_cert.sources.events import GrantsWithdrawn

SYNCS = "sync"
PROMPT = ("decide", "issue", "tell")
"""The queues on which nothing takes long: a worker that serves these alone is there while courses are read."""

SYNC = Job(
    "sync",
    sync.sync,
    takes=("course_id", "registration_id"),
    queue=SYNCS,
    unique=True,
    serial="platform {registration_id}",
    seconds=3600,
)
EVALUATE = Job(
    "evaluate",
    evaluation.evaluate_course,
    takes=("course_id",),
    queue="decide",
    unique=True,
    serial="course {course_id}",
    seconds=600,
)
COUNT_FEED = Job(
    "count feed",
    counting.count_new,
    takes=("registration_id",),
    queue="decide",
    unique=True,
    serial="feed {registration_id}",
    seconds=600,
    # A burst is counted together.
    delay=timedelta(seconds=2),
)
COUNT_COURSE = Job(
    "count feed of course", counting.count_course, takes=("course_id",), queue="decide", unique=True, seconds=600
)
SYNC_SOON = Job(
    "sync soon",
    freshness.sync_soon,
    takes=("course_id",),
    queue="decide",
    unique=True,
    # A teacher who grades for an hour causes a reading every so often, not one a grade.
    delay=timedelta(minutes=2),
)
REVOKE = Job(
    "revoke",
    revoking.revoke_withdrawn,
    takes=("registration_id",),
    queue=SYNCS,
    unique=True,
    serial="revocations {registration_id}",
    seconds=600,
)

ISSUE = Job("issue", issue.issue, takes=("certificate_id", "version"), queue="issue", batch=20)
ISSUE_WAITING = Job("issue waiting", issue.issue_waiting, takes=("course_id",), queue="issue", unique=True)
TELL_ISSUED = Job(
    "tell issued", notify.tell_learner_issued, takes=("certificate_id", "credential_id"), queue="tell", batch=20
)
TELL_LATE = Job("tell late", notify.tell_late, takes=("member_id",), queue="tell", batch=20)
TELL_DENIED = Job(
    "tell denied", notify.tell_learner_denied, takes=("certificate_id", "version"), queue="tell", batch=20
)
TELL_REVOKED = Job(
    "tell revoked", notify.tell_learner_revoked, takes=("certificate_id", "version"), queue="tell", batch=20
)
DIGEST = Job("digest", digest.send_digest, takes=("course_id",), queue="tell", unique=True, serial="digest {course_id}")

JOBS = JobMap(
    queues=(*PROMPT, SYNCS),
    after={
        SyncDue: (SYNC,),
        CourseSynced: (EVALUATE, ISSUE_WAITING, COUNT_COURSE),
        EvidenceChanged: (EVALUATE,),
        FeedReceived: (COUNT_FEED,),
        IdentityLearned: (COUNT_COURSE,),
        NameLearned: (ISSUE_WAITING,),
        AddressLearned: (TELL_LATE,),
        InstructorReachable: (DIGEST,),
        GradesChanged: (SYNC_SOON,),
        GrantsWithdrawn: (REVOKE,),
        AchievementChanged: (EVALUATE, ISSUE_WAITING),
        DesignChanged: (ISSUE_WAITING,),
        DocumentsWait: (ISSUE_WAITING,),
        CertificateProposed: (DIGEST,),
        CertificateAwarded: (ISSUE,),
        CertificateIssued: (TELL_ISSUED,),
        CertificateDenied: (TELL_DENIED,),
        CertificateRevoked: (TELL_REVOKED,),
    },
    clock=(
        ClockRule("stale courses", timedelta(minutes=5), freshness.stale_courses),
        ClockRule("award dates that came", timedelta(minutes=1), evaluation.award_dates_that_came),
        ClockRule("documents that wait", timedelta(hours=1), issue.waiting_courses),
        ClockRule("expired logins and sessions", timedelta(minutes=5), purge.purge),
        ClockRule("uploads that nobody took", timedelta(hours=1), uploading.forget_expired),
        ClockRule("expired sessions of administrators", timedelta(hours=1), console_session.purge),
        ClockRule("events of the unknown", timedelta(days=1), counting.forget_unknown),
        ClockRule("connections that were not revoked", timedelta(days=1), revoking.forget_old),
        ClockRule("old outbox rows", timedelta(days=1), tending.prune),
    ),
)
