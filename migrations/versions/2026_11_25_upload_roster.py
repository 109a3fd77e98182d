"""An uploaded gradebook keeps the people whom it was compared with."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What waits was compared with nobody yet. It would wait for an hour at most, and is uploaded again.
    op.execute("DELETE FROM uploaded_gradebook")
    with op.batch_alter_table("uploaded_gradebook", schema=None) as batch_op:
        batch_op.add_column(sa.Column("people", sa.LargeBinary(), nullable=False))
        batch_op.add_column(sa.Column("roster_problem", sa.Text(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("uploaded_gradebook", schema=None) as batch_op:
        batch_op.drop_column("roster_problem")
        batch_op.drop_column("people")
