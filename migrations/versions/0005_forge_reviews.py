"""Reviews that people gave on a forge: recorded, and never signatures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gate.store.columns import Big, Digest, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forge_review",
        sa.Column("idx", Big, autoincrement=False, nullable=False),
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("forge", sa.String(length=64), nullable=False),
        sa.Column("review", sa.String(length=128), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("login", sa.String(length=255), nullable=False),
        sa.Column("person", sa.String(length=255), nullable=True),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("policy_digest", Digest(), nullable=False),
        sa.Column("submitted_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_forge_review")),
    )
    op.create_index(op.f("ix_forge_review_repository_number"), "forge_review", ["repository", "number"], unique=False)


def downgrade() -> None:
    op.drop_table("forge_review")
