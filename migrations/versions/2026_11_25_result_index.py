"""Results have one index: who looks for a member's goes through the items of her course."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_result_member_id", table_name="result")


def downgrade() -> None:
    op.create_index("ix_result_member_id", "result", ["member_id"])
