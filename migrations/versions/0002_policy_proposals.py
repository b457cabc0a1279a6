"""Proposals of policies and the approvals they were given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gate.store.columns import Big, Digest, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy_proposal",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("base_epoch", Big, nullable=False),
        sa.Column("digest", Digest(), nullable=False),
        sa.Column("proposer", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("effective_at", UtcDateTime(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("idx", Big, nullable=False),
        sa.Column("ended_idx", Big, nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_policy_proposal")),
    )
    op.create_index(op.f("ix_policy_proposal_state_number"), "policy_proposal", ["state", "number"], unique=False)
    op.create_table(
        "policy_approval",
        sa.Column("idx", Big, autoincrement=False, nullable=False),
        sa.Column("proposal", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("digest", Digest(), nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_policy_approval")),
        sa.UniqueConstraint("proposal", "person", name=op.f("uq_policy_approval_proposal_person")),
    )


def downgrade() -> None:
    op.drop_table("policy_approval")
    op.drop_table("policy_proposal")
