"""`lti-cert <noun> <verb>`: each command a few lines over a verb that the pages call too."""

import click

from lti_cert.cli.achievement import achievement
from lti_cert.cli.certificate import certificate
from lti_cert.cli.common import Commands
from lti_cert.cli.course import course
from lti_cert.cli.database import database


@click.group(cls=Commands)
@click.version_option(package_name="lti-cert")
def main() -> None:
    """Certificates for any LMS: an LTI 1.3 tool."""


for command in (course, achievement, certificate, database):
    main.add_command(command)
