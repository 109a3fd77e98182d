"""Learning events that platforms push, and what is counted from them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "caliper_key",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("registration_id", _ID, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_caliper_key_registration_id_registration")
        ),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_caliper_key")),
    )
    with op.batch_alter_table("caliper_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_caliper_key_registration_id"), ["registration_id"], unique=False)

    op.create_table(
        "feed_event",
        sa.Column("id", _ID, nullable=False),
        sa.Column("registration_id", _ID, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("naming", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("course", sa.Text(), nullable=False),
        sa.Column("thing", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_feed_event_registration_id_registration")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_event")),
        sa.UniqueConstraint("registration_id", "event_id", name=op.f("uq_feed_event_registration_id_event_id")),
    )
    with op.batch_alter_table("feed_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_feed_event_registration_id_course_actor"),
            ["registration_id", "course", "actor"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_feed_event_registration_id_thing"), ["registration_id", "thing"], unique=False
        )
        batch_op.create_index(
            "ix_feed_event_new",
            ["registration_id", "id"],
            unique=False,
            sqlite_where=sa.text("is_counted = 0"),
            postgresql_where=sa.text("NOT is_counted"),
        )
        batch_op.create_index(batch_op.f("ix_feed_event_received_at"), ["received_at"], unique=False)

    op.create_table(
        "activity_count",
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_activity_count_member_id_member")),
        sa.PrimaryKeyConstraint("member_id", "kind", "provider", name=op.f("pk_activity_count")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.add_column(sa.Column("platform_id", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("posts_from", sa.Text(), server_default="feed", nullable=False))
        batch_op.add_column(sa.Column("notes_from", sa.Text(), server_default="feed", nullable=False))
        batch_op.create_index(
            batch_op.f("ix_course_registration_id_context_id"), ["registration_id", "context_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_course_registration_id_platform_id"), ["registration_id", "platform_id"], unique=False
        )
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.add_column(sa.Column("platform_id", sa.Text(), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_member_course_id_platform_id"), ["course_id", "platform_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_member_course_id_platform_id"))
        batch_op.drop_column("platform_id")
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_course_registration_id_platform_id"))
        batch_op.drop_index(batch_op.f("ix_course_registration_id_context_id"))
        batch_op.drop_column("notes_from")
        batch_op.drop_column("posts_from")
        batch_op.drop_column("platform_id")
    op.drop_table("activity_count")
    op.drop_table("feed_event")
    op.drop_table("caliper_key")
