"""Trials of sources, rhythms of courses, pauses of platforms, names of items; excused is a result without a score."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("registration", schema=None) as batch_op:
        batch_op.add_column(sa.Column("slowed_until", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trial_source", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("fresh_minutes", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("line_item", schema=None) as batch_op:
        batch_op.add_column(sa.Column("also", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("result", schema=None) as batch_op:
        batch_op.drop_column("is_excused")


def downgrade() -> None:
    with op.batch_alter_table("result", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_excused", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE result SET is_excused = true WHERE score IS NULL")
    with op.batch_alter_table("line_item", schema=None) as batch_op:
        batch_op.drop_column("also")
    with op.batch_alter_table("course", schema=None) as batch_op:
        for name in ("retry_at", "failures", "ends_at", "fresh_minutes", "trial_source"):
            batch_op.drop_column(name)
    with op.batch_alter_table("registration", schema=None) as batch_op:
        batch_op.drop_column("slowed_until")
