"""The tables of ``record``: what is evidence, or can be rebuilt from it.

The log tables (``log_entry``, ``log_tile``, ``log_checkpoint``, ``blob``)
are insert-only, guarded by triggers (``gate/store/triggers.py``); ``log_head`` is their one row
that moves. ``free_text`` holds what a person typed, behind a salted commitment, and may be erased.
All other tables of ``record`` are projections: they hold what is indexed, can be rebuilt from
entries and blobs, are written by ``gate/store/ledger.py`` alone in the transaction of their entry,
and name that entry in ``idx``.

Sessions, throttles, outbox and caches are in ``gate/store/housekeeping.py`` and never evidence.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from gate.store.columns import Big, Digest, UtcDateTime, Words

NAMES: Final = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
}
record = MetaData(naming_convention=NAMES)

ID = 64  # repository ids, kinds, codes
REF = 255  # branches, logins, roles, printed names
KEY = 255  # PersonRef.key
SHA = 64  # hex git object ids, SHA-1 or SHA-256


def must(name: str, kind: Any) -> Column[Any]:
    """A column that is never NULL."""
    return Column(name, kind, nullable=False)


def may(name: str, kind: Any) -> Column[Any]:
    """A column that may be NULL."""
    return Column(name, kind, nullable=True)


# --- the log -------------------------------------------------------------------------------------

log_head = Table(
    "log_head",
    record,
    Column("id", Integer, primary_key=True, autoincrement=False),
    must("size", Big),
    must("peaks", LargeBinary),
)

log_entry = Table(
    "log_entry",
    record,
    # Assigned by us from the head row; a sequence would leave gaps on rollback.
    Column("idx", Big, primary_key=True, autoincrement=False),
    must("leaf_hash", Digest),
    must("envelope", LargeBinary),
    must("kind", String(ID)),
    must("stream", String(REF)),
    must("version", Big),
    may("dedup", String(REF)),
    must("recorded_at", UtcDateTime),
    UniqueConstraint("stream", "version"),
    UniqueConstraint("dedup"),
    Index(None, "kind", "idx"),
)

log_tile = Table(
    "log_tile",
    record,
    must("level", Integer),
    must("n", Big),
    must("root", Digest),
    must("hashes", LargeBinary),
    PrimaryKeyConstraint("level", "n"),
)

log_checkpoint = Table(
    "log_checkpoint",
    record,
    Column("size", Big, primary_key=True, autoincrement=False),
    must("note", Text),
)

blob = Table(
    "blob",
    record,
    Column("sha256", Digest, primary_key=True),
    must("kind", String(ID)),
    must("bytes", LargeBinary),
)

free_text = Table(
    "free_text",
    record,
    Column("commitment", Digest, primary_key=True),
    must("salt", LargeBinary(32)),
    must("value", Text),
    must("about", String(REF)),
)

# --- contributions -------------------------------------------------------------------------------

contribution = Table(
    "contribution",
    record,
    must("repository", String(ID)),
    must("number", Integer),
    must("target", String(REF)),
    must("topic", String(REF)),
    may("source_ref", String(REF)),
    must("state", String(16)),
    must("draft", Boolean),
    must("head", String(SHA)),
    must("tree", String(SHA)),
    must("merge_base", String(SHA)),
    must("revision", Integer),
    must("opened_at", UtcDateTime),
    must("updated_at", UtcDateTime),
    may("author_person", String(KEY)),
    may("change_request", String(REF)),
    may("labels", Words),
    may("title_commitment", Digest),
    must("version", Big),
    may("answer", String(16)),
    may("decision_index", Big),
    may("decision_digest", Digest),
    may("facts_digest", Digest),
    may("policy_epoch", Big),
    may("decided_at", UtcDateTime),
    PrimaryKeyConstraint("repository", "number"),
    Index(None, "repository", "head"),
    Index(None, "repository", "target", "topic"),
    Index(None, "state", "updated_at"),
    Index(None, "author_person"),
)

revision = Table(
    "revision",
    record,
    must("repository", String(ID)),
    must("number", Integer),
    must("revision", Integer),
    must("head", String(SHA)),
    must("tree", String(SHA)),
    must("target", String(REF)),
    must("merge_base", String(SHA)),
    may("merge_tree", String(SHA)),
    may("pusher_login", String(REF)),
    may("pusher_person", String(KEY)),
    must("git_digest", Digest),
    must("recorded_at", UtcDateTime),
    must("idx", Big),
    PrimaryKeyConstraint("repository", "number", "revision"),
    Index(None, "repository", "head"),
)

revision_commit = Table(
    "revision_commit",
    record,
    must("repository", String(ID)),
    must("number", Integer),
    must("revision", Integer),
    must("sha", String(SHA)),
    may("patch_id", String(SHA)),
    PrimaryKeyConstraint("repository", "number", "revision", "sha"),
    Index(None, "repository", "sha"),
    Index(None, "repository", "patch_id"),
)

contributor = Table(
    "contributor",
    record,
    must("repository", String(ID)),
    must("number", Integer),
    must("revision", Integer),
    must("part", String(16)),
    must("address", String(REF)),
    may("person", String(KEY)),
    must("how", String(16)),
    PrimaryKeyConstraint("repository", "number", "revision", "part", "address"),
    Index(None, "person"),
    Index(None, "how", "repository"),
)

approval = Table(
    "approval",
    record,
    Column("idx", Big, primary_key=True, autoincrement=False),
    must("repository", String(ID)),
    must("number", Integer),
    must("revision", Integer),
    must("act", String(16)),
    must("person", String(KEY)),
    must("name", String(REF)),
    must("role", String(REF)),
    may("team", String(REF)),
    must("meaning", String(REF)),
    must("head", String(SHA)),
    must("target", String(REF)),
    must("policy_digest", Digest),
    must("signed_at", UtcDateTime),
    may("expires_at", UtcDateTime),
    may("supersedes", Big),
    may("withdrawn_by", Big),
    may("kind", String(16)),  # None: a signature
    may("on_behalf_of", String(KEY)),
    may("freeze", String(ID)),
    Index(None, "repository", "number"),
    Index(None, "person", "signed_at"),
)

forge_review = Table(
    "forge_review",
    record,
    Column("idx", Big, primary_key=True, autoincrement=False),
    must("repository", String(ID)),
    must("number", Integer),
    must("revision", Integer),
    must("act", String(16)),
    must("forge", String(ID)),
    must("review", String(128)),
    must("account", String(REF)),
    must("login", String(REF)),
    may("person", String(KEY)),  # None: nobody's login
    must("how", String(16)),
    must("name", String(REF)),
    must("roles", Words),
    must("head", String(SHA)),
    must("target", String(REF)),
    must("policy_digest", Digest),
    must("submitted_at", UtcDateTime),
    must("recorded_at", UtcDateTime),
    may("expires_at", UtcDateTime),
    Index(None, "repository", "number"),
)

approval_carried = Table(
    "approval_carried",
    record,
    Column("idx", Big, primary_key=True, autoincrement=False),
    must("approval", Big),
    must("repository", String(ID)),
    must("number", Integer),
    must("revision", Integer),
    must("from_head", String(SHA)),
    must("head", String(SHA)),
    must("proof", String(16)),
    must("carried_at", UtcDateTime),
    UniqueConstraint("approval", "revision"),
    Index(None, "repository", "number"),
)

veto_clearance = Table(
    "veto_clearance",
    record,
    Column("idx", Big, primary_key=True, autoincrement=False),
    must("repository", String(ID)),
    must("number", Integer),
    must("veto", Big),
    must("person", String(KEY)),
    must("name", String(REF)),
    must("role", String(REF)),
    may("team", String(REF)),
    must("signed_at", UtcDateTime),
    Index(None, "repository", "number"),
)

delegation = Table(
    "delegation",
    record,
    Column("idx", Big, primary_key=True, autoincrement=False),
    must("giver", String(KEY)),
    must("giver_name", String(REF)),
    must("receiver", String(KEY)),
    must("receiver_name", String(REF)),
    must("role", String(REF)),
    may("team", String(REF)),
    must("starts_at", UtcDateTime),
    must("ends_at", UtcDateTime),
    may("ended_by", Big),
    may("ended_at", UtcDateTime),
    Index(None, "giver"),
    Index(None, "receiver"),
)

break_glass = Table(
    "break_glass",
    record,
    Column("idx", Big, primary_key=True, autoincrement=False),
    must("repository", String(ID)),
    must("number", Integer),
    must("revision", Integer),
    must("head", String(SHA)),
    must("target", String(REF)),
    must("policy_digest", Digest),
    must("person", String(KEY)),
    must("name", String(REF)),
    must("role", String(REF)),
    must("code", String(ID)),
    must("incident", String(REF)),
    must("reason_chars", Integer),
    must("reason_commitment", Digest),
    must("invoked_at", UtcDateTime),
    must("review_role", String(REF)),
    must("review_due_at", UtcDateTime),
    may("reviewed_by", Big),
    may("reviewed_at", UtcDateTime),
    Index(None, "repository", "number"),
    Index(None, "repository", "reviewed_at"),
)

break_glass_cosign = Table(
    "break_glass_cosign",
    record,
    Column("idx", Big, primary_key=True, autoincrement=False),
    must("invocation", Big),
    must("person", String(KEY)),
    must("name", String(REF)),
    must("role", String(REF)),
    may("team", String(REF)),
    must("signed_at", UtcDateTime),
    Index(None, "invocation"),
)

check_report = Table(
    "check_report",
    record,
    Column("idx", Big, primary_key=True, autoincrement=False),
    must("repository", String(ID)),
    must("head", String(SHA)),
    must("name", String(REF)),
    must("outcome", String(16)),
    must("reporter", String(REF)),
    may("reporter_person", String(KEY)),
    must("reported_at", UtcDateTime),
    Index(None, "repository", "head"),
)

# --- people, policies, landings, packs, tokens ---------------------------------------------------

terms_acceptance = Table(
    "terms_acceptance",
    record,
    must("person", String(KEY)),
    must("terms", String(REF)),
    must("idx", Big),
    must("accepted_at", UtcDateTime),
    PrimaryKeyConstraint("person", "terms"),
)

training = Table(
    "training",
    record,
    must("person", String(KEY)),
    must("code", String(REF)),
    may("valid_until", UtcDateTime),
    must("as_of", String(10)),
    must("source", String(REF)),
    must("idx", Big),
    PrimaryKeyConstraint("person", "code"),
)

policy_version = Table(
    "policy_version",
    record,
    Column("epoch", Big, primary_key=True, autoincrement=False),
    must("activated_at", UtcDateTime),
    must("by_person", String(KEY)),
    must("files", Text),
    must("idx", Big),
)

policy_proposal = Table(
    "policy_proposal",
    record,
    Column("number", Integer, primary_key=True, autoincrement=False),
    must("files", Text),
    must("base_epoch", Big),
    must("digest", Digest),
    must("proposer", String(KEY)),
    must("name", String(REF)),
    must("proposed_at", UtcDateTime),
    may("effective_at", UtcDateTime),
    must("state", String(16)),
    must("idx", Big),
    may("ended_idx", Big),
    Index(None, "state", "number"),
)

policy_approval = Table(
    "policy_approval",
    record,
    Column("idx", Big, primary_key=True, autoincrement=False),
    must("proposal", Integer),
    must("person", String(KEY)),
    must("name", String(REF)),
    must("digest", Digest),
    must("signed_at", UtcDateTime),
    UniqueConstraint("proposal", "person"),
)

landing = Table(
    "landing",
    record,
    must("repository", String(ID)),
    must("branch", String(REF)),
    must("seq", Big),
    must("commit", String(SHA)),
    must("kind", String(16)),
    must("step_before", String(SHA)),
    must("step_after", String(SHA)),
    may("head", String(SHA)),
    may("number", Integer),
    must("classification", String(16)),
    must("landed_at", UtcDateTime),
    must("idx", Big),
    PrimaryKeyConstraint("repository", "branch", "seq"),
    UniqueConstraint("repository", "branch", "commit"),
    Index(None, "repository", "landed_at"),
    Index(None, "repository", "number"),
)

branch_tip = Table(
    "branch_tip",
    record,
    must("repository", String(ID)),
    must("branch", String(REF)),
    must("tip", String(SHA)),
    must("idx", Big),
    PrimaryKeyConstraint("repository", "branch"),
)

pack_issued = Table(
    "pack_issued",
    record,
    Column("idx", Big, primary_key=True, autoincrement=False),
    must("pack_id", String(ID)),
    must("sha256", Digest),
    must("repository", String(ID)),
    must("period_from", UtcDateTime),
    must("period_to", UtcDateTime),
    must("tree_size", Big),
    must("by_person", String(KEY)),
    must("at", UtcDateTime),
    UniqueConstraint("pack_id"),
)

api_token = Table(
    "api_token",
    record,
    Column("id", String(ID), primary_key=True),
    must("name", String(REF)),
    may("repository", String(ID)),
    must("scopes", Text),
    must("secret_sha256", Digest),
    must("created_at", UtcDateTime),
    must("created_by", String(KEY)),
    may("expires_at", UtcDateTime),
    may("revoked_at", UtcDateTime),
    may("person", String(KEY)),
    must("idx", Big),
    UniqueConstraint("secret_sha256"),
)
