"""The accounts of administrators. They are made on the command line: who may run it owns the tool anyway."""

from collections.abc import Sequence
from email.errors import HeaderParseError
from email.headerregistry import Address

from sqlalchemy import delete, select

from lti_cert.admin import passwords
from lti_cert.admin.models import Admin, AdminSession
from lti_cert.core import clock
from lti_cert.core.database import db
from lti_cert.core.errors import InputRejected, NotFound

LONGEST_EMAIL = 254


class AdminNotFound(NotFound):
    title = "No such administrator"
    message = "There is no administrator with this e-mail address."
    guidance = "`lti-cert admin list` shows those there are."


def name_of(email: str) -> str:
    """An address as accounts are named by it."""
    return email.strip().lower()


def all_admins() -> Sequence[Admin]:
    return db.session.scalars(select(Admin).order_by(Admin.email)).all()


def get(email: str) -> Admin:
    """:raises AdminNotFound: there is none."""
    found = find(email)
    if found is None:
        raise AdminNotFound
    return found


def find(email: str) -> Admin | None:
    return db.session.scalar(select(Admin).filter_by(email=name_of(email)))


def check_new(email: str) -> None:
    """:raises InputRejected: it is no address, or has an account."""
    name = name_of(email)
    try:
        address = Address(addr_spec=name)
        is_one = bool(address.username and address.domain) and name.isprintable() and " " not in name
    except (ValueError, IndexError, HeaderParseError):
        is_one = False
    if not is_one or len(name) > LONGEST_EMAIL:
        raise InputRejected(f"“{email[:100]}” is not an e-mail address.")
    if find(name):
        raise InputRejected(f"{name} is an administrator already; `lti-cert admin reset` gives a new password.")


def create(email: str, password: str) -> Admin:
    """In the caller's transaction.

    :raises InputRejected: the address or the password cannot be used.
    """
    check_new(email)
    name = name_of(email)
    made = Admin(email=name, password=passwords.make(password, email=name), is_enabled=True, created_at=clock.now())
    db.session.add(made)
    db.session.flush()
    return made


def reset(admin: Admin, password: str) -> None:
    """Give a new password, and sign out everywhere. In the caller's transaction.

    :raises InputRejected: the password cannot be used.
    """
    admin.password = passwords.make(password, email=admin.email)
    _sign_out_everywhere(admin)


def disable(admin: Admin) -> None:
    """Keep somebody out, at once. In the caller's transaction."""
    admin.is_enabled = False
    _sign_out_everywhere(admin)


def enable(admin: Admin) -> None:
    """In the caller's transaction."""
    admin.is_enabled = True


def _sign_out_everywhere(admin: Admin) -> None:
    db.session.execute(delete(AdminSession).where(AdminSession.admin_id == admin.id))
