"""Invitations name who made them, and can be withdrawn."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("invite") as table:
        table.add_column(sa.Column("created_by", sa.Text(), nullable=True))
        table.add_column(sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    # The audit log knows who made those that there are.
    op.execute(
        "UPDATE invite SET created_by = COALESCE((SELECT MIN(actor) FROM audit_entry WHERE deed = 'platform invited' "
        "AND subject = 'invite ' || CAST(invite.id AS TEXT)), '')"
    )
    with op.batch_alter_table("invite") as table:
        table.alter_column("created_by", existing_type=sa.Text(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("invite") as table:
        table.drop_column("withdrawn_at")
        table.drop_column("created_by")
