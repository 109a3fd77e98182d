"""What instructors set for a course, where a copied course comes from, and links that name an achievement."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.add_column(sa.Column("certificates_on", sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(
            sa.Column("assistants_may_approve", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("copied_from_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
        batch_op.create_foreign_key(batch_op.f("fk_course_copied_from_id_course"), "course", ["copied_from_id"], ["id"])
    with op.batch_alter_table("achievement", schema=None) as batch_op:
        batch_op.add_column(sa.Column("copied_from_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
        batch_op.create_foreign_key(
            batch_op.f("fk_achievement_copied_from_id_achievement"), "achievement", ["copied_from_id"], ["id"]
        )
    with op.batch_alter_table("panel_session", schema=None) as batch_op:
        batch_op.alter_column("may_approve", new_column_name="may_edit", existing_type=sa.Boolean())
        batch_op.alter_column(
            "resource_link_id", existing_type=sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        )
        batch_op.add_column(sa.Column("achievement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
        batch_op.create_foreign_key(
            batch_op.f("fk_panel_session_achievement_id_achievement"), "achievement", ["achievement_id"], ["id"]
        )
    op.create_table(
        "deep_link_request",
        sa.Column("session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("deployment_id", sa.Text(), nullable=False),
        sa.Column("return_url", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["panel_session.id"],
            name=op.f("fk_deep_link_request_session_id_panel_session"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_deep_link_request")),
    )


def downgrade() -> None:
    """Sessions that were begun to choose a link have none, and end."""
    op.drop_table("deep_link_request")
    op.execute("DELETE FROM ticket WHERE session_id IN (SELECT id FROM panel_session WHERE resource_link_id IS NULL)")
    op.execute("DELETE FROM panel_session WHERE resource_link_id IS NULL")
    with op.batch_alter_table("panel_session", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_panel_session_achievement_id_achievement"), type_="foreignkey")
        batch_op.drop_column("achievement_id")
        batch_op.alter_column(
            "resource_link_id", existing_type=sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        )
        batch_op.alter_column("may_edit", new_column_name="may_approve", existing_type=sa.Boolean())
    with op.batch_alter_table("achievement", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_achievement_copied_from_id_achievement"), type_="foreignkey")
        batch_op.drop_column("copied_from_id")
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_course_copied_from_id_course"), type_="foreignkey")
        batch_op.drop_column("copied_from_id")
        batch_op.drop_column("assistants_may_approve")
        batch_op.drop_column("certificates_on")
