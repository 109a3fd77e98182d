"""Uploaded gradebooks that wait to be taken; the institution's own ids of members, by which they match."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sourced_id", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "uploaded_gradebook",
        sa.Column("id", _ID, nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("course_id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_uploaded_gradebook_course_id_course")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_uploaded_gradebook_member_id_member")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploaded_gradebook")),
        sa.UniqueConstraint("course_id", "member_id", name=op.f("uq_uploaded_gradebook_course_id_member_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_uploaded_gradebook_public_id")),
    )
    with op.batch_alter_table("uploaded_gradebook", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_uploaded_gradebook_expires_at"), ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("uploaded_gradebook")
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.drop_column("sourced_id")
