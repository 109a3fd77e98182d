"""Names as they are looked for and put in order."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BATCH = 5_000

_WHOLE_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)


def upgrade() -> None:
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.add_column(sa.Column("folded_name", sa.Text(), server_default="", nullable=False))
    _fold()


def _fold() -> None:
    member = sa.table("member", sa.column("id"), sa.column("name"), sa.column("folded_name"))
    named = sa.select(member.c.id, member.c.name).where(member.c.name != "").order_by(member.c.id).limit(BATCH)
    write = sa.update(member).where(member.c.id == sa.bindparam("member")).values(folded_name=sa.bindparam("folded"))
    connection, last = op.get_bind(), 0
    while rows := connection.execute(named.where(member.c.id > last)).all():
        connection.execute(write, [{"member": member_id, "folded": _folded(name)} for member_id, name in rows])
        last = rows[-1].id


def _folded(text: str) -> str:
    """As `lti_cert.core.folding` did when this was written."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", apart) if not unicodedata.combining(sign))
    return plain.translate(_WHOLE_LETTERS)


def downgrade() -> None:
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.drop_column("folded_name")
