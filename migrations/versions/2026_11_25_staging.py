"""Readings are staged page by page; what is held stays staged."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "staged_page",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["sync_run.id"], name=op.f("fk_staged_page_run_id_sync_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staged_page")),
    )
    with op.batch_alter_table("staged_page", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staged_page_run_id_kind_ref"), ["run_id", "kind", "ref"], unique=False)
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("steps", JSON, nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("limits", sa.Text(), nullable=False, server_default=""))
    # What waits for acceptance was kept in another form; the next reading brings it again.
    op.execute("DELETE FROM held_snapshot")
    with op.batch_alter_table("held_snapshot", schema=None) as batch_op:
        batch_op.drop_column("content")


def downgrade() -> None:
    op.execute("DELETE FROM held_snapshot")
    with op.batch_alter_table("held_snapshot", schema=None) as batch_op:
        batch_op.add_column(sa.Column("content", sa.LargeBinary(), nullable=False))
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.drop_column("limits")
        batch_op.drop_column("steps")
    with op.batch_alter_table("staged_page", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staged_page_run_id_kind_ref"))
    op.drop_table("staged_page")
