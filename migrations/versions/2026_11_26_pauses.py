"""Runs that were paused long ago, and sources that somebody chose."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_source_chosen", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.drop_column("paused_at")
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.drop_column("is_source_chosen")
