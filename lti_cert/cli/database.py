"""`lti-cert db …`"""

import click
from flask_migrate import upgrade

from lti_cert.cli.common import in_app


@click.group(name="db")
def database() -> None:
    """The database's shape."""


@database.command("upgrade")
@in_app
def db_upgrade() -> None:
    """Bring the database to the shape that this version needs."""
    upgrade()
