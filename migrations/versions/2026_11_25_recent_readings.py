"""Readings of what was graded lately stand on a whole one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.add_column(sa.Column("whole_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("whole_asked_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("notes", _JSON, nullable=False, server_default="{}"))


def downgrade() -> None:
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.drop_column("notes")
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.drop_column("whole_asked_at")
        batch_op.drop_column("whole_at")
