"""`lti-cert db …`"""

import click
from flask_migrate import upgrade

from lti_cert.cli.common import application
from lti_cert.core import schema


@click.group(name="db")
def database() -> None:
    """The database's shape."""


@database.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the shape that this version needs."""
    with application().app_context():
        schema.revision()
        upgrade()
