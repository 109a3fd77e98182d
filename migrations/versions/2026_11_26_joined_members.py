"""Accounts that a platform has merged."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_JOINED = sa.text("joined_to_id IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("joined_to_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.create_foreign_key(batch_op.f("fk_member_joined_to_id_member"), "member", ["joined_to_id"], ["id"])
        batch_op.create_index("ix_member_joined", ["course_id"], sqlite_where=_JOINED, postgresql_where=_JOINED)


def downgrade() -> None:
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.drop_index("ix_member_joined", sqlite_where=_JOINED, postgresql_where=_JOINED)
        batch_op.drop_constraint(batch_op.f("fk_member_joined_to_id_member"), type_="foreignkey")
        batch_op.drop_column("joined_to_id")
