"""Acts beside approvals: cleared vetoes, delegations, break-glass; and what an approval may say besides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gate.store.columns import Big, Digest, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("approval_carried", "break_glass_cosign", "break_glass", "delegation", "veto_clearance")
COLUMNS = (("kind", 16), ("on_behalf_of", 255), ("freeze", 64))


def upgrade() -> None:
    for name, length in COLUMNS:
        op.add_column("approval", sa.Column(name, sa.String(length=length), nullable=True))
    op.create_table(
        "approval_carried",
        sa.Column("idx", Big, autoincrement=False, nullable=False),
        sa.Column("approval", Big, nullable=False),
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("from_head", sa.String(length=64), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("proof", sa.String(length=16), nullable=False),
        sa.Column("carried_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_approval_carried")),
        sa.UniqueConstraint("approval", "revision", name=op.f("uq_approval_carried_approval_revision")),
    )
    op.create_index(
        op.f("ix_approval_carried_repository_number"), "approval_carried", ["repository", "number"], unique=False
    )
    op.create_table(
        "veto_clearance",
        sa.Column("idx", Big, nullable=False, autoincrement=False),
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("veto", Big, nullable=False),
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=255), nullable=False),
        sa.Column("team", sa.String(length=255), nullable=True),
        sa.Column("signed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_veto_clearance")),
    )
    op.create_index(
        op.f("ix_veto_clearance_repository_number"), "veto_clearance", ["repository", "number"], unique=False
    )
    op.create_table(
        "delegation",
        sa.Column("idx", Big, nullable=False, autoincrement=False),
        sa.Column("giver", sa.String(length=255), nullable=False),
        sa.Column("giver_name", sa.String(length=255), nullable=False),
        sa.Column("receiver", sa.String(length=255), nullable=False),
        sa.Column("receiver_name", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=255), nullable=False),
        sa.Column("team", sa.String(length=255), nullable=True),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("ended_by", Big, nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_delegation")),
    )
    op.create_index(op.f("ix_delegation_giver"), "delegation", ["giver"], unique=False)
    op.create_index(op.f("ix_delegation_receiver"), "delegation", ["receiver"], unique=False)
    op.create_table(
        "break_glass",
        sa.Column("idx", Big, nullable=False, autoincrement=False),
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("policy_digest", Digest(), nullable=False),
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("incident", sa.String(length=255), nullable=False),
        sa.Column("reason_chars", sa.Integer(), nullable=False),
        sa.Column("reason_commitment", Digest(), nullable=False),
        sa.Column("invoked_at", UtcDateTime(), nullable=False),
        sa.Column("review_role", sa.String(length=255), nullable=False),
        sa.Column("review_due_at", UtcDateTime(), nullable=False),
        sa.Column("reviewed_by", Big, nullable=True),
        sa.Column("reviewed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_break_glass")),
    )
    op.create_index(op.f("ix_break_glass_repository_number"), "break_glass", ["repository", "number"], unique=False)
    op.create_index(
        op.f("ix_break_glass_repository_reviewed_at"), "break_glass", ["repository", "reviewed_at"], unique=False
    )
    op.create_table(
        "break_glass_cosign",
        sa.Column("idx", Big, nullable=False, autoincrement=False),
        sa.Column("invocation", Big, nullable=False),
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=255), nullable=False),
        sa.Column("team", sa.String(length=255), nullable=True),
        sa.Column("signed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_break_glass_cosign")),
    )
    op.create_index(op.f("ix_break_glass_cosign_invocation"), "break_glass_cosign", ["invocation"], unique=False)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    with op.batch_alter_table("approval") as approval:
        for name, _ in COLUMNS:
            approval.drop_column(name)
