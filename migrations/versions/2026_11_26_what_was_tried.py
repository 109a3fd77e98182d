"""What waits for its document is known by all that would be printed, not by the name alone."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A name that was tried is no fingerprint of anything: the next look tries everything again.
    with op.batch_alter_table("document_awaited", schema=None) as batch_op:
        batch_op.alter_column("name_tried", new_column_name="tried")


def downgrade() -> None:
    with op.batch_alter_table("document_awaited", schema=None) as batch_op:
        batch_op.alter_column("tried", new_column_name="name_tried")
