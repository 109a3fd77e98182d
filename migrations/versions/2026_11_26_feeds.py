"""Whether a platform may send a feed, where courses see it."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("registration", schema=None) as batch_op:
        batch_op.add_column(sa.Column("has_feed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(
        "UPDATE registration SET has_feed = TRUE "
        "WHERE id IN (SELECT registration_id FROM caliper_key WHERE ends_at IS NULL)"
    )


def downgrade() -> None:
    with op.batch_alter_table("registration", schema=None) as batch_op:
        batch_op.drop_column("has_feed")
