"""A session names the deployment that it was launched from."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


NOTE = """
    UPDATE panel_session SET deployment_id = COALESCE(
        (SELECT deployment.id FROM deployment JOIN course ON course.deployment_key = deployment.deployment_id
         WHERE course.id = panel_session.course_id AND deployment.registration_id = panel_session.registration_id),
        (SELECT CASE WHEN COUNT(*) = 1 THEN MIN(deployment.id) END FROM deployment
         WHERE deployment.registration_id = panel_session.registration_id)
    )
"""
"""Of the sessions there are: that of the course, or the only one of the platform."""


def upgrade() -> None:
    with op.batch_alter_table("panel_session") as batch_op:
        batch_op.add_column(sa.Column("deployment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
        batch_op.create_foreign_key(
            batch_op.f("fk_panel_session_deployment_id_deployment"), "deployment", ["deployment_id"], ["id"]
        )
    op.execute(NOTE)
    # Of the others nobody knows it: they end, and who was in opens the tool again from her course.
    op.execute("DELETE FROM ticket WHERE session_id IN (SELECT id FROM panel_session WHERE deployment_id IS NULL)")
    op.execute(
        "DELETE FROM deep_link_request WHERE session_id IN (SELECT id FROM panel_session WHERE deployment_id IS NULL)"
    )
    op.execute("DELETE FROM panel_session WHERE deployment_id IS NULL")
    with op.batch_alter_table("panel_session") as batch_op:
        batch_op.alter_column(
            "deployment_id", existing_type=sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        )


def downgrade() -> None:
    with op.batch_alter_table("panel_session") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_panel_session_deployment_id_deployment"), type_="foreignkey")
        batch_op.drop_column("deployment_id")
