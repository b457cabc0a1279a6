"""The first schema: the log and its guards, the projections, the housekeeping."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gate.store.columns import Big, Digest, UtcDateTime
from gate.store.triggers import build_guards, build_unguards

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HEAD = sa.table(
    "log_head", sa.column("id", sa.Integer), sa.column("size", sa.Integer), sa.column("peaks", sa.LargeBinary)
)
TABLES = (
    "web_session",
    "throttle",
    "outbox",
    "hint_seen",
    "hint_refused",
    "freshness",
    "training",
    "terms_acceptance",
    "revision_commit",
    "revision",
    "policy_version",
    "pack_issued",
    "log_tile",
    "log_head",
    "log_entry",
    "log_checkpoint",
    "landing",
    "free_text",
    "contributor",
    "contribution",
    "check_report",
    "branch_tip",
    "blob",
    "approval",
    "api_token",
)


def upgrade() -> None:
    _create_log()
    _create_contributions()
    _create_registers()
    _create_housekeeping()
    op.bulk_insert(HEAD, [{"id": 1, "size": 0, "peaks": b""}])
    for statement in build_guards(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    for statement in build_unguards(op.get_bind().dialect.name):
        op.execute(statement)
    for table in TABLES:
        op.drop_table(table)


def _create_log() -> None:
    op.create_table(
        "blob",
        sa.Column("sha256", Digest(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob")),
    )
    op.create_table(
        "free_text",
        sa.Column("commitment", Digest(), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("about", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("commitment", name=op.f("pk_free_text")),
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("size", Big, autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoint")),
    )
    op.create_table(
        "log_entry",
        sa.Column("idx", Big, autoincrement=False, nullable=False),
        sa.Column("leaf_hash", Digest(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("stream", sa.String(length=255), nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.Column("dedup", sa.String(length=255), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_log_entry")),
        sa.UniqueConstraint("dedup", name=op.f("uq_log_entry_dedup")),
        sa.UniqueConstraint("stream", "version", name=op.f("uq_log_entry_stream_version")),
    )
    op.create_index(op.f("ix_log_entry_kind_idx"), "log_entry", ["kind", "idx"], unique=False)
    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", Big, nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_head")),
    )
    op.create_table(
        "log_tile",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("n", Big, nullable=False),
        sa.Column("root", Digest(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "n", name=op.f("pk_log_tile")),
    )


def _create_contributions() -> None:
    op.create_table(
        "approval",
        sa.Column("idx", Big, autoincrement=False, nullable=False),
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=255), nullable=False),
        sa.Column("team", sa.String(length=255), nullable=True),
        sa.Column("meaning", sa.String(length=255), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("policy_digest", Digest(), nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("supersedes", Big, nullable=True),
        sa.Column("withdrawn_by", Big, nullable=True),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_approval")),
    )
    op.create_index(op.f("ix_approval_person_signed_at"), "approval", ["person", "signed_at"], unique=False)
    op.create_index(op.f("ix_approval_repository_number"), "approval", ["repository", "number"], unique=False)
    op.create_table(
        "check_report",
        sa.Column("idx", Big, autoincrement=False, nullable=False),
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reporter", sa.String(length=255), nullable=False),
        sa.Column("reporter_person", sa.String(length=255), nullable=True),
        sa.Column("reported_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_check_report")),
    )
    op.create_index(op.f("ix_check_report_repository_head"), "check_report", ["repository", "head"], unique=False)
    op.create_table(
        "contribution",
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("topic", sa.String(length=255), nullable=False),
        sa.Column("source_ref", sa.String(length=255), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("draft", sa.Boolean(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("tree", sa.String(length=64), nullable=False),
        sa.Column("merge_base", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("author_person", sa.String(length=255), nullable=True),
        sa.Column("change_request", sa.String(length=255), nullable=True),
        sa.Column("title_commitment", Digest(), nullable=True),
        sa.Column("version", Big, nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("decision_index", Big, nullable=True),
        sa.Column("decision_digest", Digest(), nullable=True),
        sa.Column("facts_digest", Digest(), nullable=True),
        sa.Column("policy_epoch", Big, nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("repository", "number", name=op.f("pk_contribution")),
    )
    op.create_index(op.f("ix_contribution_author_person"), "contribution", ["author_person"], unique=False)
    op.create_index(op.f("ix_contribution_repository_head"), "contribution", ["repository", "head"], unique=False)
    op.create_index(
        op.f("ix_contribution_repository_target_topic"), "contribution", ["repository", "target", "topic"], unique=False
    )
    op.create_index(op.f("ix_contribution_state_updated_at"), "contribution", ["state", "updated_at"], unique=False)
    op.create_table(
        "contributor",
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("person", sa.String(length=255), nullable=True),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("repository", "number", "revision", "part", "address", name=op.f("pk_contributor")),
    )
    op.create_index(op.f("ix_contributor_how_repository"), "contributor", ["how", "repository"], unique=False)
    op.create_index(op.f("ix_contributor_person"), "contributor", ["person"], unique=False)
    op.create_table(
        "revision",
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("tree", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("merge_base", sa.String(length=64), nullable=False),
        sa.Column("merge_tree", sa.String(length=64), nullable=True),
        sa.Column("pusher_login", sa.String(length=255), nullable=True),
        sa.Column("pusher_person", sa.String(length=255), nullable=True),
        sa.Column("git_digest", Digest(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("idx", Big, nullable=False),
        sa.PrimaryKeyConstraint("repository", "number", "revision", name=op.f("pk_revision")),
    )
    op.create_index(op.f("ix_revision_repository_head"), "revision", ["repository", "head"], unique=False)
    op.create_table(
        "revision_commit",
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("patch_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("repository", "number", "revision", "sha", name=op.f("pk_revision_commit")),
    )
    op.create_index(
        op.f("ix_revision_commit_repository_patch_id"), "revision_commit", ["repository", "patch_id"], unique=False
    )
    op.create_index(op.f("ix_revision_commit_repository_sha"), "revision_commit", ["repository", "sha"], unique=False)


def _create_registers() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("repository", sa.String(length=64), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("secret_sha256", Digest(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("person", sa.String(length=255), nullable=True),
        sa.Column("idx", Big, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_api_token_secret_sha256")),
    )
    op.create_table(
        "branch_tip",
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("branch", sa.String(length=255), nullable=False),
        sa.Column("tip", sa.String(length=64), nullable=False),
        sa.Column("idx", Big, nullable=False),
        sa.PrimaryKeyConstraint("repository", "branch", name=op.f("pk_branch_tip")),
    )
    op.create_table(
        "landing",
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("branch", sa.String(length=255), nullable=False),
        sa.Column("seq", Big, nullable=False),
        sa.Column("commit", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("step_before", sa.String(length=64), nullable=False),
        sa.Column("step_after", sa.String(length=64), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("classification", sa.String(length=16), nullable=False),
        sa.Column("landed_at", UtcDateTime(), nullable=False),
        sa.Column("idx", Big, nullable=False),
        sa.PrimaryKeyConstraint("repository", "branch", "seq", name=op.f("pk_landing")),
        sa.UniqueConstraint("repository", "branch", "commit", name=op.f("uq_landing_repository_branch_commit")),
    )
    op.create_index(op.f("ix_landing_repository_landed_at"), "landing", ["repository", "landed_at"], unique=False)
    op.create_index(op.f("ix_landing_repository_number"), "landing", ["repository", "number"], unique=False)
    op.create_table(
        "pack_issued",
        sa.Column("idx", Big, autoincrement=False, nullable=False),
        sa.Column("pack_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", Digest(), nullable=False),
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("period_from", UtcDateTime(), nullable=False),
        sa.Column("period_to", UtcDateTime(), nullable=False),
        sa.Column("tree_size", Big, nullable=False),
        sa.Column("by_person", sa.String(length=255), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_pack_issued")),
        sa.UniqueConstraint("pack_id", name=op.f("uq_pack_issued_pack_id")),
    )
    op.create_table(
        "policy_version",
        sa.Column("epoch", Big, autoincrement=False, nullable=False),
        sa.Column("activated_at", UtcDateTime(), nullable=False),
        sa.Column("by_person", sa.String(length=255), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("idx", Big, nullable=False),
        sa.PrimaryKeyConstraint("epoch", name=op.f("pk_policy_version")),
    )
    op.create_table(
        "terms_acceptance",
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("terms", sa.String(length=255), nullable=False),
        sa.Column("idx", Big, nullable=False),
        sa.Column("accepted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("person", "terms", name=op.f("pk_terms_acceptance")),
    )
    op.create_table(
        "training",
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=255), nullable=False),
        sa.Column("valid_until", UtcDateTime(), nullable=True),
        sa.Column("as_of", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("idx", Big, nullable=False),
        sa.PrimaryKeyConstraint("person", "code", name=op.f("pk_training")),
    )


def _create_housekeeping() -> None:
    op.create_table(
        "freshness",
        sa.Column("repository", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("decision_digest", Digest(), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=False),
        sa.Column("valid_until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("repository", "number", name=op.f("pk_freshness")),
    )
    op.create_index(op.f("ix_freshness_valid_until"), "freshness", ["valid_until"], unique=False)
    op.create_table(
        "hint_refused",
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("minute", UtcDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("recorded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", "minute", name=op.f("pk_hint_refused")),
    )
    op.create_table(
        "hint_seen",
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("delivery_id", sa.String(length=255), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "delivery_id", name=op.f("pk_hint_seen")),
    )
    op.create_index(op.f("ix_hint_seen_seen_at"), "hint_seen", ["seen_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", Big, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_done_at_not_before"), "outbox", ["done_at", "not_before"], unique=False)
    op.create_table(
        "throttle",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle")),
    )
    op.create_table(
        "web_session",
        sa.Column("id_sha256", Digest(), nullable=False),
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("login", sa.String(length=255), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id_sha256", name=op.f("pk_web_session")),
    )
    op.create_index(op.f("ix_web_session_expires_at"), "web_session", ["expires_at"], unique=False)
    op.create_index(op.f("ix_web_session_person"), "web_session", ["person"], unique=False)
