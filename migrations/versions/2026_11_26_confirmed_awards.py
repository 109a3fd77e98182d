"""How many awards at once somebody has confirmed, instead of that somebody has."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("evaluation_mark", schema=None) as batch_op:
        batch_op.add_column(sa.Column("confirmed_awards", sa.Integer(), server_default="0", nullable=False))
    op.execute("UPDATE evaluation_mark SET confirmed_awards = 2147483647 WHERE is_brake_released")
    with op.batch_alter_table("evaluation_mark", schema=None) as batch_op:
        batch_op.drop_column("is_brake_released")


def downgrade() -> None:
    with op.batch_alter_table("evaluation_mark", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_brake_released", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE evaluation_mark SET is_brake_released = true WHERE confirmed_awards > 0")
    with op.batch_alter_table("evaluation_mark", schema=None) as batch_op:
        batch_op.alter_column("is_brake_released", server_default=None)
        batch_op.drop_column("confirmed_awards")
