"""`lti-cert <noun> <verb>`: each command a few lines over a verb that the pages call too."""

import click

from lti_cert.cli.achievement import achievement
from lti_cert.cli.admin import admin
from lti_cert.cli.certificate import certificate
from lti_cert.cli.common import Commands
from lti_cert.cli.course import course
from lti_cert.cli.database import database
from lti_cert.cli.doctor import doctor
from lti_cert.cli.key import key
from lti_cert.cli.outbox import outbox
from lti_cert.cli.platform import platform
from lti_cert.cli.running import commands as running
from lti_cert.cli.source import source
from lti_cert.cli.upload import course_upload


@click.group(cls=Commands)
@click.version_option(package_name="lti-cert")
def main() -> None:
    """Certificates for any LMS: an LTI 1.3 tool."""


for command in (*running, platform, key, source, course, achievement, certificate, outbox, database, admin, doctor):
    main.add_command(command)
course.add_command(course_upload)
