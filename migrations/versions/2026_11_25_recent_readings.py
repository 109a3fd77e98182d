"""Readings of what was graded lately stand on a whole one; an uploaded gradebook keeps whom it was compared with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.add_column(sa.Column("whole_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("whole_asked_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("notes", _JSON, nullable=False, server_default="{}"))
    # What waits was compared with nobody yet. It would wait for an hour at most, and is uploaded again.
    op.execute("DELETE FROM uploaded_gradebook")
    with op.batch_alter_table("uploaded_gradebook", schema=None) as batch_op:
        batch_op.add_column(sa.Column("people", sa.LargeBinary(), nullable=False))
        batch_op.add_column(sa.Column("roster_problem", sa.Text(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("uploaded_gradebook", schema=None) as batch_op:
        batch_op.drop_column("roster_problem")
        batch_op.drop_column("people")
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.drop_column("notes")
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.drop_column("whole_asked_at")
        batch_op.drop_column("whole_at")
