#!/usr/bin/env python3
"""Contribution Gate's git server hook: guards protected branches, and tells the gate what was pushed.

    python3 hook.py pre-receive  --config gate-hook.json   < "<old> <new> <ref>" lines (run by git)
    python3 hook.py post-receive --config gate-hook.json   the same; records or spools a hint, never fails
    python3 hook.py flush        --config gate-hook.json   delivers spooled hints (--again: refused ones too)
    python3 hook.py status       --config gate-hook.json   says what is configured and what waits

One file, Python 3.8 or newer, standard library; signatures are checked with ``cryptography`` where it can be
imported, else with ``openssl pkeyutl -verify -rawin`` (OpenSSL 3). It imports nothing of the gate: it is the
second implementation of "Landing", tied to the first by tests.

A protected branch moves only by steps of its first-parent chain that are each
  - a fast-forward to an approved head, or
  - a merge of exactly (tip, approved head) whose tree is that of ``git merge-tree --write-tree tip head``,
and each step needs a signed verdict for that head, branch and repository, in force now, whose head tree is the
commit's tree and whose merge base is an ancestor of the step's start. A squash or rebase makes commits nobody
signed for: it is named, and not accepted. Verdicts come from push options (``gate.verdict=<base64url>``), else
from files (``<verdict_dir>/<head>.json``), else from the server (2 seconds in all). The yes works offline.

In mode ``enforce`` everything that cannot be checked is refused; ``warn`` and ``observe`` never block.
Exit codes: 0 pass, 1 refused, 2 usage or configuration, 3 could not deliver.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import calendar
import fnmatch
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Iterable, Mapping, NoReturn, Sequence, TypeVar

VERSION = "1"
CONFIG_FORMAT = "gate-hook/v1"
HINT_FORMAT = "gate-hint/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
SUMMARY_TYPE = "https://slsa.dev/verification_summary/v1"
VERDICT_MEMBER = "urn:contribution-gate:verdict:v1"
MODES = ("observe", "warn", "enforce")

ASK_SECONDS = 2.0  # for all verdicts of a push together, and once more for the words of a refusal
HINT_SECONDS = 2.0  # for one hint
DELIVERY_SECONDS = 10.0  # for all hints of one push; flush has no such bound
GIT_SECONDS = 60.0
MERGE_TREE_VERSION = (2, 38)

CHAIN_LIMIT = 10000
ENVELOPE_LIMIT = 64 * 1024
FILE_LIMIT = 1024 * 1024
ANSWER_LIMIT = 8 * 1024 * 1024
OPTION_LIMIT = 256
HINT_UPDATES = 500
BATCH = 200
ASK_BATCH = 50  # heads in one question: with SHA-256 names still within the 4,094 bytes servers allow a request line

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,9})?Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")

# A merge must come out as on any other machine: git's defaults, and no attributes of any branch.
_GIT_SETTINGS = (
    "core.attributesFile=/dev/null",
    "attr.tree=4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "merge.renames=true",
    "merge.directoryRenames=conflict",
    "merge.renormalize=false",
    "merge.renameLimit=7000",
    "diff.renames=true",
    "safe.directory=*",
)

T = TypeVar("T")


class RefusedError(Exception):
    """Checked, and no."""


class CannotCheckError(Exception):
    """Could not be checked; never read as a yes."""


class OutageError(Exception):
    """The server did not answer, or not usefully."""


# == Configuration =========================================================================================


@dataclass(frozen=True)
class Config:
    """``gate-hook.json`` and its ``place``. Paths are absolute; in ``protected``, ``*`` matches slashes."""

    repository: str
    server: str
    token_file: str | None
    trust_file: str
    origin: str
    protected: tuple[str, ...]
    mode: str
    verdict_dir: str | None
    spool: str
    pusher_env: tuple[str, ...]
    clock_skew_seconds: int
    place: str = ""

    def protects(self, ref: str) -> bool:
        return any(fnmatch.fnmatchcase(ref, pattern) for pattern in self.protected)


def load_config(path: str) -> Config:
    """The configuration, complete and of the right types, or ``CannotCheckError``."""
    try:
        with open(path, encoding="utf-8") as handle:
            raw = json.load(handle)
    except (OSError, ValueError) as cause:
        raise CannotCheckError(f"the configuration {path} cannot be read: {cause}") from cause
    try:
        return replace(parse_config(raw), place=os.path.dirname(os.path.abspath(path)))
    except ValueError as cause:
        raise CannotCheckError(f"the configuration {path} is wrong: {cause}") from cause


def parse_config(raw: Any) -> Config:
    """``ValueError`` names the member that is wrong."""
    if not isinstance(raw, dict) or raw.get("format") != CONFIG_FORMAT:
        raise ValueError(f"format is not {CONFIG_FORMAT}")
    known = (set(Config.__dataclass_fields__) | {"format"}) - {"place"}
    unknown = sorted(set(raw) - known)
    if unknown:
        raise ValueError("unknown member {}".format(", ".join(unknown)))
    mode = _member(raw, "mode", str)
    if mode not in MODES:
        raise ValueError("mode is none of {}".format(", ".join(MODES)))
    return Config(
        repository=_member(raw, "repository", str),
        server=_member(raw, "server", str).rstrip("/"),
        token_file=_optional(raw, "token_file"),
        trust_file=_member(raw, "trust_file", str),
        origin=_member(raw, "origin", str),
        protected=_strings(raw, "protected"),
        mode=mode,
        verdict_dir=_optional(raw, "verdict_dir"),
        spool=_member(raw, "spool", str),
        pusher_env=_strings(raw, "pusher_env") if "pusher_env" in raw else (),
        clock_skew_seconds=_member(raw, "clock_skew_seconds", int) if "clock_skew_seconds" in raw else 0,
    )


def _member(raw: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = raw.get(name)
    if not isinstance(value, kind) or isinstance(value, bool) or value == "":
        raise ValueError(f"{name} is missing or not of type {kind.__name__}")
    return value


def _optional(raw: Mapping[str, Any], name: str) -> str | None:
    return None if raw.get(name) is None else _member(raw, name, str)


def _strings(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = raw.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ValueError(f"{name} is not a list of texts")
    return tuple(value)


# == Signatures ============================================================================================


@dataclass(frozen=True)
class Key:
    """A pinned Ed25519 key; ``id`` is ``name+hex`` as DSSE key ids are written."""

    id: str
    public: bytes


def load_keys(config: Config) -> dict[str, Key]:
    """The verdict keys of the trust file, by id. An unreadable file or none at all is ``CannotCheckError``."""
    try:
        with open(config.trust_file, encoding="utf-8") as handle:
            raw = json.load(handle)
        if raw.get("format") != "gate-trust/v1":
            raise ValueError("format is not gate-trust/v1")
        if raw.get("origin") != config.origin:
            raise ValueError("it is of {!r}, not of {}".format(raw.get("origin"), config.origin))
        keys = [parse_vkey(text) for text in raw["verdict"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
        raise CannotCheckError(f"the trust file {config.trust_file} cannot be used: {cause}") from cause
    if not keys:
        raise CannotCheckError(f"the trust file {config.trust_file} pins no verdict key")
    return {key.id: key for key in keys}


def parse_vkey(text: str) -> Key:
    """C2SP signed-note verifier key of type 0x01; its key id must be the one its bytes give."""
    name, number, encoded = text.split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    if len(raw) != 33 or raw[0] != 1:
        raise ValueError(f"key {name} is not Ed25519")
    if hashlib.sha256(name.encode("utf-8") + b"\n" + raw).hexdigest()[:8] != number:
        raise ValueError(f"key id of {name} does not fit its key")
    return Key(id=f"{name}+{number}", public=raw[1:])


def verify_signature(public: bytes, signature: bytes, message: bytes) -> bool:
    """Ed25519 by ``cryptography`` or ``openssl``; ``CannotCheckError`` when neither works here."""
    wanted = os.environ.get("GATE_HOOK_VERIFIER", "")  # for tests: both verify, so nothing is lost by choosing
    if wanted != "openssl":
        try:
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except ImportError:
            return _verify_openssl(public, signature, message)
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True
    return _verify_openssl(public, signature, message)


def _verify_openssl(public: bytes, signature: bytes, message: bytes) -> bool:
    if len(signature) != 64:
        return False
    lines = base64.b64encode(_SPKI_ED25519 + public)
    pem = b"-----BEGIN PUBLIC KEY-----\n" + lines + b"\n-----END PUBLIC KEY-----\n"
    with tempfile.TemporaryDirectory(prefix="gate-hook-") as place:
        names = {name: os.path.join(place, name) for name in ("key", "sig", "msg")}
        for name, content in (("key", pem), ("sig", signature), ("msg", message)):
            with open(names[name], "wb") as handle:
                handle.write(content)
        words = [
            "openssl",
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            names["key"],
            "-rawin",
            "-in",
            names["msg"],
            "-sigfile",
            names["sig"],
        ]
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=10,
                check=False,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            )
        except (OSError, subprocess.TimeoutExpired) as cause:
            raise CannotCheckError(f"neither Python's cryptography nor openssl can be used here: {cause}") from cause
    if done.returncode == 0 and b"Verified Successfully" in done.stdout:
        return True
    if b"Verification Failure" in done.stdout:
        return False
    raise CannotCheckError(f"openssl cannot check Ed25519 signatures (OpenSSL 3 is needed): {show(done.stdout)}")


def decode_base64(text: Any) -> bytes:
    """Standard or URL-safe, with or without padding, nothing else; ``RefusedError`` otherwise."""
    if not isinstance(text, str) or not _BASE64.fullmatch(text):
        raise RefusedError("it is not base64")
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as cause:
        raise RefusedError("it is not base64") from cause


def parse_json(raw: bytes) -> Any:
    """JSON without duplicate names and without endless nesting, or ``RefusedError``."""
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as cause:
        raise RefusedError("it is not readable JSON") from cause


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def verify_envelope(raw: bytes, keys: Mapping[str, Key]) -> bytes:
    """The payload bytes that a pinned key signed (DSSE v1.0.2), or ``RefusedError``."""
    if len(raw) > ENVELOPE_LIMIT:
        raise RefusedError("it is larger than %d bytes" % ENVELOPE_LIMIT)
    envelope = parse_json(raw)
    if not isinstance(envelope, dict) or envelope.get("payloadType") != PAYLOAD_TYPE:
        raise RefusedError("it is no in-toto envelope")
    payload = decode_base64(envelope.get("payload"))
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= 16:
        raise RefusedError("it has no signature")
    kind = PAYLOAD_TYPE.encode("ascii")
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    told = "it is signed by no pinned key"
    for entry in signatures:
        key = keys.get(str(entry.get("keyid"))) if isinstance(entry, dict) else None
        if key is None:
            continue
        if verify_signature(key.public, decode_base64(entry.get("sig")), message):
            return payload
        told = "its signature does not hold: bytes were changed after signing"
    raise RefusedError(told)


# == Verdicts ==============================================================================================


@dataclass(frozen=True)
class Verdict:
    """What a pinned key signed of one head. Times are seconds since the epoch."""

    repository: str
    target: str
    head: str
    tree: str
    merge_base: str
    number: Any
    answer: str
    result: str
    origin: str
    not_before: float
    not_after: float
    not_after_text: str
    not_before_text: str


def parse_verdict(payload: bytes) -> Verdict:
    """Reads verified bytes. What contradicts itself is ``RefusedError``."""
    statement = parse_json(payload)
    try:
        if statement["_type"] != STATEMENT_TYPE or statement["predicateType"] != SUMMARY_TYPE:
            raise RefusedError("it is not a verification summary")
        predicate = statement["predicate"]
        member = predicate[VERDICT_MEMBER]
        (subject,) = statement["subject"]
        verdict = Verdict(
            repository=_text(member["repository"]),
            target=_text(member["targetRef"]),
            head=_sha(member["head"]),
            tree=_sha(member["tree"]),
            merge_base=_sha(member["mergeBase"]),
            number=member["number"],
            answer=_text(member["answer"]),
            result=_text(predicate["verificationResult"]),
            origin=_text(predicate["verifier"]["id"]),
            not_before=parse_instant(member["notBefore"]),
            not_after=parse_instant(member["notAfter"]),
            not_after_text=_text(member["notAfter"]),
            not_before_text=_text(member["notBefore"]),
        )
        digest, refs = subject["digest"], subject["annotations"]["sourceRefs"]
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise RefusedError(f"it lacks what a verdict must say ({show(str(cause))})") from cause
    if (digest.get("gitCommit"), digest.get("gitTree")) != (verdict.head, verdict.tree) or verdict.target not in refs:
        raise RefusedError("its subject and its verdict name different revisions")
    return verdict


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _sha(value: Any) -> str:
    if not isinstance(value, str) or not _SHA.fullmatch(value):
        raise ValueError("not a git object id")
    return value


def parse_instant(text: Any) -> float:
    """RFC 3339 in UTC; anything else is ``ValueError``."""
    found = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("not a UTC instant")
    parts = tuple(int(part) for part in found.groups()[:6])
    if not (1 <= parts[1] <= 12 and 1 <= parts[2] <= 31 and parts[3] < 24 and parts[4] < 60 and parts[5] < 61):
        raise ValueError("not a UTC instant")
    return calendar.timegm((*parts, 0, 1, 0)) + float(found.group(7) or 0)


class Verdicts:
    """Verdicts in hand, by head, and what was wrong with those that were not usable."""

    def __init__(self, config: Config, keys: Mapping[str, Key]) -> None:
        self.config = config
        self.keys = keys
        self.by_head: dict[str, list[Verdict]] = {}
        self.faults: list[tuple[str | None, str]] = []

    def add(self, raw: bytes, source: str, head: str | None = None) -> None:
        """Verify one envelope and keep it. ``head`` is what was asked for, to sort a fault under."""
        try:
            verdict = parse_verdict(verify_envelope(raw, self.keys))
        except RefusedError as cause:
            self.faults.append((head, f"the verdict from {source} does not count: {cause}"))
            return
        self.by_head.setdefault(verdict.head, []).append(verdict)

    def add_options(self, environment: Mapping[str, str]) -> None:
        """``gate.verdict=<base64url of the envelope>``, any number of them."""
        count = environment.get("GIT_PUSH_OPTION_COUNT", "")
        total = int(count) if count.isdigit() else 0
        if total > OPTION_LIMIT:
            raise RefusedError("there are more than %d push options" % OPTION_LIMIT)
        for place in range(total):
            name, _, value = environment.get("GIT_PUSH_OPTION_%d" % place, "").partition("=")
            if name != "gate.verdict":
                continue
            source = "push option %d" % (place + 1)
            try:
                self.add(decode_base64(value), source)
            except RefusedError as cause:
                self.faults.append((None, f"the verdict from {source} does not count: {cause}"))

    def add_files(self, heads: Iterable[str]) -> None:
        """``<verdict_dir>/<head>.json``: one envelope, or one a line (an approval for two branches)."""
        for head in heads if self.config.verdict_dir else ():
            path = os.path.join(str(self.config.verdict_dir), head + ".json")
            try:
                with open(path, "rb") as handle:
                    raw = handle.read(FILE_LIMIT + 1)
            except FileNotFoundError:
                continue
            except OSError as cause:
                self.faults.append((head, f"the verdict file {path} cannot be read: {cause.strerror}"))
                continue
            lines = [line for line in raw.splitlines() if line.strip()]
            for envelope in lines if all(line.lstrip().startswith(b'{"') for line in lines) else [raw]:
                self.add(envelope, f"file {path}", head)

    def why_not(self, verdict: Verdict, ref: str, now: float) -> str | None:
        """None when it counts for ``ref`` now; what it says of trees and ancestors is checked against git."""
        skew = self.config.clock_skew_seconds
        if verdict.origin != self.config.origin:
            return f"it is the word of {show(verdict.origin)}, not of {self.config.origin}"
        if verdict.repository != self.config.repository:
            return f"it is for repository {show(verdict.repository)}, not {self.config.repository}"
        if verdict.target != ref:
            return f"it is for {show(verdict.target)}, not for {ref}"
        if verdict.result != "PASSED" or verdict.answer in ("pending", "rejected", "blocked", "error"):
            return f"it says {show(verdict.answer)}"
        if now < verdict.not_before - skew:
            return f"it is not valid before {verdict.not_before_text} (this machine's clock says {instant(now)})"
        if now >= verdict.not_after + skew:
            return f"it expired at {verdict.not_after_text}"
        return None


# == Git ===================================================================================================


@dataclass(frozen=True)
class Commit:
    sha: str
    parents: tuple[str, ...]
    tree: str


class Git:
    """Asks the git of this server, inside the quarantine of the push, without anybody's configuration."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        names = ("PATH", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
        self.environment = {name: environment[name] for name in names if name in environment}
        self.environment.update(
            GIT_DIR=os.path.abspath(environment.get("GIT_DIR", ".")),
            HOME="/nonexistent",
            LC_ALL="C",
            XDG_CONFIG_HOME="/nonexistent",
            GIT_CONFIG_NOSYSTEM="1",
            GIT_CONFIG_GLOBAL="/dev/null",
            GIT_ATTR_NOSYSTEM="1",
            GIT_NO_REPLACE_OBJECTS="1",
            GIT_GRAFT_FILE="/dev/null",
            GIT_TERMINAL_PROMPT="0",
            GIT_OPTIONAL_LOCKS="0",
        )

    def run(self, *args: str, ok: Sequence[int] = (0,), given: str = "") -> tuple[int, str]:
        """Exit code and output; a code not in ``ok`` or a hang is ``CannotCheckError``."""
        words = ["git"]
        for setting in _GIT_SETTINGS:
            words += ["-c", setting]
        try:
            done = subprocess.run(
                words + list(args),
                env=self.environment,
                input=given.encode("utf-8", "surrogateescape"),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=GIT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as cause:
            raise CannotCheckError(f"git {args[0]} could not be run: {cause}") from cause
        if done.returncode not in ok:
            raise CannotCheckError(f"git {args[0]} failed: {show(done.stderr)}")
        return done.returncode, done.stdout.decode("utf-8", "surrogateescape")

    def version(self) -> tuple[int, ...]:
        found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", self.run("version")[1])
        if found is None:
            raise CannotCheckError("the version of git cannot be read")
        return tuple(int(part) for part in found.groups("0"))

    def chain(self, old: str, new: str) -> list[Commit]:
        """First-parent commits after ``old`` up to ``new``, oldest first; a rewind or rewrite is ``RefusedError``."""
        text = self.run(
            "rev-list",
            "--first-parent",
            "--reverse",
            "--max-count=%d" % (CHAIN_LIMIT + 1),
            "--no-commit-header",
            "--format=%H %T %P",
            "--end-of-options",
            new,
            "^" + old,
        )[1]
        commits = []
        for line in text.splitlines():
            sha, tree, *parents = line.split()
            commits.append(Commit(sha, tuple(parents), tree))
        if len(commits) > CHAIN_LIMIT:
            raise RefusedError("it moves the branch by more than %d commits at once" % CHAIN_LIMIT)
        if not commits and self.is_ancestor(new, old):
            raise RefusedError(f"it moves the branch back to {short(new)}, an older commit")
        if not commits or commits[0].parents[:1] != (old,):
            raise RefusedError(
                f"the first-parent history of {short(new)} does not run through the tip {short(old)}: "
                "history would be rewritten"
            )
        return commits

    def is_commit(self, sha: str) -> bool:
        return self.run("cat-file", "--batch-check=%(objecttype)", given=sha + "\n")[1].split()[-1] == "commit"

    def tree(self, sha: str) -> str:
        return self.run("rev-parse", "--verify", sha + "^{tree}")[1].strip()

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        return self.run("merge-base", "--is-ancestor", ancestor, descendant, ok=(0, 1))[0] == 0

    def merge_tree(self, tip: str, head: str) -> str | None:
        """None when the merge conflicts. An old git is named: it cannot tell."""
        version = self.version()
        if version < MERGE_TREE_VERSION:
            named = ".".join(str(part) for part in version)
            raise CannotCheckError(f"git {named} on this server cannot compute a merge; git 2.38 or newer is needed")
        code, text = self.run("merge-tree", "--write-tree", "--no-messages", tip, head, ok=(0, 1))
        return text.splitlines()[0].strip() if code == 0 else None

    def real_names(self, updates: Sequence[Update]) -> dict[str, str]:
        """Symbolic refs among those pushed to and where they lead: pushing to an alias moves what it names."""
        names: dict[str, str] = {}
        refs = [update.ref for update in updates]
        for start in range(0, len(refs), BATCH):
            text = self.run("for-each-ref", "--format=%(refname) %(symref)", "--", *refs[start : start + BATCH])[1]
            for line in text.splitlines():
                name, _, target = line.partition(" ")
                if target:
                    names[name] = target
        # An alias of a branch that does not exist yet is listed nowhere, but pushing to it creates that branch.
        for update in updates:
            if is_zero(update.old) and update.ref.startswith("refs/heads/"):
                code, text = self.run("symbolic-ref", "--quiet", update.ref, ok=(0, 1))
                if code == 0:
                    names[update.ref] = text.strip()
        return names


# == Judging ===============================================================================================


@dataclass(frozen=True)
class Update:
    old: str
    new: str
    ref: str


@dataclass
class Judgement:
    """What is to be said of one protected ref. No reasons: it may move."""

    update: Update
    ref: str
    reasons: list[str] = field(default_factory=list)
    landed: list[str] = field(default_factory=list)
    about: str | None = None
    page: str | None = None


def parse_updates(text: str) -> list[Update]:
    """``<old> <new> <ref>`` lines as git gives them."""
    updates = []
    for line in text.split("\n"):
        if not line:
            continue
        parts = line.split(" ", 2)
        if len(parts) != 3 or not _SHA.fullmatch(parts[0]) or not _SHA.fullmatch(parts[1]):
            raise CannotCheckError(f"git gave a line that cannot be read: {line[:200]!r}")
        updates.append(Update(*parts))
    return updates


def is_zero(sha: str) -> bool:
    return not sha.strip("0")


class Judge:
    """Decides each protected ref of one push by what git and the verdicts say."""

    def __init__(self, config: Config, git: Git, verdicts: Verdicts, server: Server) -> None:
        self.config = config
        self.git = git
        self.verdicts = verdicts
        self.server = server
        self._trees: dict[str, str] = {}
        self._ancestors: dict[tuple[str, str], bool] = {}

    def judge(self, update: Update, ref: str) -> Judgement:
        """Everything that speaks against moving one protected ref."""
        judgement = Judgement(update, ref)
        try:
            self._judge(judgement)
        except (RefusedError, CannotCheckError) as cause:
            judgement.reasons.append(str(cause))
        return judgement

    def _judge(self, judgement: Judgement) -> None:
        old, new = judgement.update.old, judgement.update.new
        if is_zero(new):
            raise RefusedError("it would delete a protected ref")
        judgement.about = new
        if is_zero(old):
            raise RefusedError("it would create a protected ref; an administrator of the git server creates it")
        if not self.git.is_commit(new) or not self.git.is_commit(old):
            raise RefusedError("it does not point at a commit")
        if old == new:
            return
        chain = self.git.chain(old, new)
        candidates = [sha for commit in reversed(chain) for sha in (commit.sha, *commit.parents[1:])]
        # 1. what the pusher brought, 2. files, 3. the server, each only when the ones before do not suffice.
        ask = self.server.add_verdicts_for(self.verdicts, judgement.ref)
        at, start, judgement.landed = self._walk(chain, old, judgement.ref)
        for gather in (self.verdicts.add_files, ask):
            if at < len(chain):
                gather([sha for sha in candidates if not self._usable(sha, judgement.ref, old)])
                at, start, judgement.landed = self._walk(chain, old, judgement.ref)
        if at == len(chain):
            return
        judgement.about = chain[at].parents[1] if len(chain[at].parents) == 2 else self._next_head(chain, at)
        judgement.reasons += self._explain(chain, at, start, judgement)

    def _walk(self, chain: list[Commit], start: str, ref: str) -> tuple[int, str, list[str]]:
        """Cuts steps as far as they hold: place reached, tip there, and one line a step."""
        at = 0
        landed = []
        while at < len(chain):
            commit = chain[at]
            if self._is_exact_merge(commit, start, ref):
                word = self._word(commit.parents[1], ref, start)
                landed.append(f"{short(commit.sha)}: merge of {word} {short(commit.parents[1])}")
                start, at = commit.sha, at + 1
                continue
            ends = (place for place in range(at, len(chain)) if self._usable(chain[place].sha, ref, start))
            end = next(ends, None)
            if end is None:
                break
            word = self._word(chain[end].sha, ref, start)
            landed.append(f"{short(chain[end].sha)}: fast-forward to {word} head")
            start, at = chain[end].sha, end + 1
        return at, start, landed

    def _is_exact_merge(self, commit: Commit, start: str, ref: str) -> bool:
        if len(commit.parents) != 2 or not self._usable(commit.parents[1], ref, start):
            return False
        return self.git.merge_tree(start, commit.parents[1]) == commit.tree

    def _usable(self, head: str, ref: str, start: str) -> bool:
        return any(self._why_not(verdict, ref, start) is None for verdict in self.verdicts.by_head.get(head, ()))

    def _word(self, head: str, ref: str, start: str) -> str:
        """What the verdicts that count say of a head: a break-glass is never let through in silence."""
        good = [one for one in self.verdicts.by_head.get(head, ()) if self._why_not(one, ref, start) is None]
        if any(one.answer != "overridden" for one in good) or not good:
            return "approved"
        return "OVERRIDDEN (break-glass, a review is owed)"

    def _why_not(self, verdict: Verdict, ref: str, start: str) -> str | None:
        # The clock is read now: the server may have decided only when it was asked, so after this push began.
        told = self.verdicts.why_not(verdict, ref, time.time())
        if told is not None:
            return told
        if verdict.head not in self._trees:
            self._trees[verdict.head] = self.git.tree(verdict.head) if self.git.is_commit(verdict.head) else ""
        if self._trees[verdict.head] != verdict.tree:
            return "it names another tree than the commit has"
        key = (verdict.merge_base, start)
        if key not in self._ancestors:
            self._ancestors[key] = self.git.is_commit(key[0]) and self.git.is_ancestor(*key)
        if not self._ancestors[key]:
            return f"it was given for a change from {short(key[0])}, which {short(start)} does not contain"
        return None

    # -- words ---------------------------------------------------------------------------------------------

    def _next_head(self, chain: list[Commit], at: int) -> str:
        """A push of plain commits is about its last one, up to the next merge."""
        end = at
        while end + 1 < len(chain) and len(chain[end + 1].parents) == 1:
            end += 1
        return chain[end].sha

    def _explain(self, chain: list[Commit], at: int, start: str, judgement: Judgement) -> list[str]:
        commit, ref = chain[at], judgement.ref
        if len(commit.parents) > 2:
            return [
                "%s is a merge of %d parents; only a merge of exactly the tip and one approved head may land"
                % (short(commit.sha), len(commit.parents))
            ]
        reasons = []
        if len(commit.parents) == 2 and self._usable(commit.parents[1], ref, start):
            reasons.append(self._explain_merge(commit, start))
        about = str(judgement.about)
        squashed = self._squashed(chain, at, start, ref)
        if squashed:
            reasons.append(
                f"{short(commit.sha)} has the content of approved {short(squashed)}, as a squash or rebase; this hook "
                "accepts a fast-forward or a merge commit only: these are not the commits that were signed for"
            )
        elif not reasons:
            reasons += self._explain_missing(about, ref, start)
            if start != judgement.update.old:
                reasons.append(f"it stands on top of {short(start)}, which may land; this is another revision")
        return reasons

    def _explain_merge(self, commit: Commit, start: str) -> str:
        head = commit.parents[1]
        wanted = self.git.merge_tree(start, head)
        named = f"{short(commit.sha)} merges approved {short(head)}"
        if wanted is None:
            return f"{named} where git finds conflicts; merge the branch into your own and have that revision approved"
        return (
            f"{named}, but its content is not that of the merge: something was added or changed "
            f"(tree {short(commit.tree)} instead of {short(wanted)})"
        )

    def _explain_missing(self, head: str, ref: str, start: str) -> list[str]:
        known = [self._why_not(verdict, ref, start) for verdict in self.verdicts.by_head.get(head, ())]
        reasons = [f"the verdict for {short(head)} does not count: {told}" for told in known if told]
        faults = [told for about, told in self.verdicts.faults if about in (None, head)]
        nothing = [] if reasons else [f"there is no verdict for {short(head)} that counts"]
        return list(dict.fromkeys(nothing + reasons + faults))

    def _squashed(self, chain: list[Commit], at: int, start: str, ref: str) -> str | None:
        if len(chain[at].parents) != 1:
            return None
        trees = {commit.tree for commit in chain[at:]}
        for head in self.verdicts.by_head:
            is_new = self._usable(head, ref, start) and not self.git.is_ancestor(head, start)
            if is_new and self.git.merge_tree(start, head) in trees:
                return head
        return None


# == The server ============================================================================================


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """A token is for one server: never follow."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


class Server:
    """Asks the gate over HTTP. Every call ends in its time, whatever the other side does."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.answers: dict[str, Any] = {}
        self.deadline: float | None = None  # for verdicts: one for all refs of a push
        self.outage: OutageError | None = None  # a server that failed once is not waited for again

    def add_verdicts_for(self, verdicts: Verdicts, ref: str) -> Callable[[list[str]], None]:
        """A gatherer of verdicts for one ref: all batches of one push in ``ASK_SECONDS``."""

        def gather(heads: list[str]) -> None:
            try:
                self._fetch_verdicts(verdicts, ref, list(dict.fromkeys(heads)))
            except OutageError as cause:
                verdicts.faults.append((None, f"the server could not be asked: {cause}"))

        return gather

    def _fetch_verdicts(self, verdicts: Verdicts, ref: str, heads: list[str]) -> None:
        self.deadline = self.deadline or time.monotonic() + ASK_SECONDS
        for start in range(0, len(heads), ASK_BATCH):
            query = [("target", ref)] + [("sha", head) for head in heads[start : start + ASK_BATCH]]
            answer = self.call("GET", "/verdicts?" + urllib.parse.urlencode(query), self.deadline)
            if answer.status != 200:
                raise OutageError("it answered %d: %s" % (answer.status, problem(answer.body)))
            told = as_object(answer.body)
            for head, envelope in as_items(told.get("verdicts")):
                if envelope is not None and head in heads:
                    verdicts.add(json.dumps(envelope).encode("utf-8"), "the server", head)
            self.answers.update(as_items(told.get("answers")))

    def missing(self, sha: str, ref: str) -> list[str]:
        """What the server says is missing, in its own sentences, and nothing when it cannot be asked."""
        query = urllib.parse.urlencode([("target", ref)])
        try:
            answer = self.call("GET", f"/revisions/{sha}?{query}", time.monotonic() + ASK_SECONDS)
            told = as_object(answer.body)
        except OutageError:
            return []
        self.answers.setdefault(sha, {})
        if isinstance(self.answers[sha], dict):
            self.answers[sha] = {**self.answers[sha], **told}
        lines = told_lines(told) if told.get("answer") else []
        return [show(line) for line in lines[:20] if isinstance(line, str) and line]

    def page(self, sha: str | None) -> str:
        """Where a person can read about it. Works without the server."""
        known = self.answers.get(str(sha))
        page = known.get("page") if isinstance(known, dict) else None
        if isinstance(page, str) and page:
            return show(page if "://" in page else self.config.server + page)
        base = f"{self.config.server}/repositories/{self.config.repository}"
        return f"{base}/revisions/{sha}" if sha else base

    def call(self, method: str, path: str, deadline: float, body: bytes | None = None) -> Answer:
        """One request under ``/api/v1/repositories/<repository>``; ``OutageError`` when there is no answer in time."""
        url = "{}/api/v1/repositories/{}{}".format(
            self.config.server, urllib.parse.quote(self.config.repository, safe=""), path
        )
        headers = {"Accept": "application/json", "User-Agent": f"contribution-gate-hook/{VERSION}"}
        token = self._token()
        if token:
            headers["Authorization"] = "Bearer " + token
        if body is not None:
            headers["Content-Type"] = "application/json"
        if not url.startswith(("http://", "https://")):
            raise OutageError("its address is no http address")
        request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - checked above
        if self.outage is not None:
            raise self.outage
        try:
            return in_time(lambda: self._open(request), deadline - time.monotonic())
        except OutageError as cause:
            self.outage = cause
            raise

    def _token(self) -> str:
        if self.config.token_file is None:
            return ""
        try:
            with open(self.config.token_file, encoding="ascii") as handle:
                return handle.read(4096).strip()
        except (OSError, ValueError) as cause:
            raise OutageError(f"the token file {self.config.token_file} cannot be read") from cause

    def _open(self, request: urllib.request.Request) -> Answer:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
        try:
            with opener.open(request, timeout=ASK_SECONDS) as response:
                return Answer(response.status, response.read(ANSWER_LIMIT))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(ANSWER_LIMIT))


def in_time(work: Callable[[], T], seconds: float) -> T:
    """Runs ``work`` aside: socket timeouts bound one read, not a whole answer that drips in."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except Exception as cause:  # noqa: BLE001 - whatever broke is handed to the caller as an outage
            failed.append(cause)

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(max(0.0, seconds))
    if done:
        return done[0]
    cause = (getattr(failed[0], "reason", None) or failed[0]) if failed else None
    # The socket's own limit may fire an instant before ours; it says the same.
    if cause is None or isinstance(cause, (TimeoutError, socket.timeout)):
        raise OutageError("no answer in time") from cause
    raise OutageError(show(str(cause))) from failed[0]


def as_object(body: bytes) -> dict[str, Any]:
    """A JSON object, or ``OutageError``."""
    try:
        told = parse_json(body)
    except RefusedError as cause:
        raise OutageError("its answer is not JSON") from cause
    if not isinstance(told, dict):
        raise OutageError("its answer is not a JSON object")
    return told


def missing_line(entry: Mapping[str, Any]) -> str:
    """``Two maintainers of ledger are missing. Ask: Bo Lind, Cy Ray.``"""
    names = [show(str(one.get("name", ""))) for one in as_list(entry.get("candidates")) if isinstance(one, dict)]
    asking = " Ask: {}.".format(", ".join(names[:8])) if names else ""
    return str(entry.get("sentence", "")) + asking


def told_lines(told: Mapping[str, Any]) -> list[Any]:
    """What an answer says, each thing once: the summary only when there is no need and no reason to print."""
    needs = [entry for entry in as_list(told.get("missing")) if isinstance(entry, dict)]
    said = [entry.get("sentence") for entry in needs]
    reasons = [entry.get("sentence") for entry in as_list(told.get("reasons")) if isinstance(entry, dict)]
    lines = [sentence for sentence in reasons if sentence not in said] + [missing_line(entry) for entry in needs]
    word = str(told.get("answer")).capitalize()
    return ["%s: %s" % (word, line) for line in lines[:1]] + lines[1:] if lines else [told.get("summary")]


def as_items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def problem(body: bytes) -> str:
    """The words of a problem document, short."""
    try:
        told = as_object(body)
    except OutageError:
        return "no reason given"
    return show(str(told.get("detail") or told.get("title") or "no reason given"))


# == pre-receive ===========================================================================================


def pre_receive(config: Config, text: str, environment: Mapping[str, str]) -> int:
    """Judges every protected ref before any moves. 0: the push may go on; 1: it is refused as a whole."""
    updates = parse_updates(text)
    git = Git(environment)
    names = git.real_names(updates)
    guarded = [(update, _guarded_name(config, update, names)) for update in updates]
    for update, ref in guarded:
        if ref is None:
            warn_contribution(config, update)
    protected = [(update, ref) for update, ref in guarded if ref is not None]
    if not protected:
        return 0
    verdicts = Verdicts(config, load_keys(config))
    verdicts.add_options(environment)
    server = Server(config)
    judge = Judge(config, git, verdicts, server)
    judgements = [judge.judge(update, ref) for update, ref in protected]
    return report(config, server, judgements)


def _guarded_name(config: Config, update: Update, names: Mapping[str, str]) -> str | None:
    """The protected ref that this update moves, through an alias too."""
    for ref in (names.get(update.ref, update.ref), update.ref):
        if config.protects(ref):
            return ref
    return None


def report(config: Config, server: Server, judgements: list[Judgement]) -> int:
    """Says what was found, in the way of the mode."""
    bad = [judgement for judgement in judgements if judgement.reasons]
    for judgement in judgements:
        if not judgement.reasons:
            for line in judgement.landed:
                say(f"Contribution Gate: {judgement.ref} may land: {line}")
    if not bad:
        return 0
    heads = {
        "enforce": "Contribution Gate: refused. No ref was moved.",
        "warn": "Contribution Gate: WARNING. This will be refused once the repository is enforced.",
        "observe": "Contribution Gate: observing. In mode enforce this push would be refused.",
    }
    say(heads[config.mode], refusal=True)
    for judgement in bad:
        say_judgement(server, judgement)
    return 1 if config.mode == "enforce" else 0


def say_judgement(server: Server, judgement: Judgement) -> None:
    update = judgement.update
    say(f"  {show(judgement.ref)}  {short(update.old)}..{short(update.new)}", refusal=True)
    for reason in judgement.reasons:
        say("    - {}.".format(reason.rstrip(".")), refusal=True)
    for line in server.missing(judgement.about, judgement.ref) if judgement.about else ():
        say(f"      {line}", refusal=True)
    say(f"    page: {server.page(judgement.about)}", refusal=True)


def warn_contribution(config: Config, update: Update) -> None:
    """A contribution branch whose name leads to no protected branch opens nothing: better said than silent."""
    prefix = "refs/heads/contrib/"
    if not update.ref.startswith(prefix) or is_zero(update.new):
        return
    parts = update.ref[len(prefix) :].split("/")
    targets = ["refs/heads/" + "/".join(parts[:end]) for end in range(1, len(parts))]
    if any(config.protects(target) for target in targets):
        return
    known = [ref[len("refs/heads/") :] for ref in config.protected if ref.startswith("refs/heads/")]
    say(f"Contribution Gate: {show(update.ref)} opens no contribution: it names no protected branch.")
    say("  Name it contrib/<target>/<topic>; targets here: %s." % (show(", ".join(known)) or "none"))


# == post-receive and the spool ============================================================================


def post_receive(config: Config, text: str, environment: Mapping[str, str]) -> int:
    """Writes the hint down first, then delivers what waits, oldest first. Never fails the push."""
    updates = [update for update in parse_updates(text) if is_told(config, update)]
    if not updates:
        return 0
    own = [
        write_hint(config, updates[start : start + HINT_UPDATES], environment)
        for start in range(0, len(updates), HINT_UPDATES)
    ]
    outage = deliver(config, time.monotonic() + DELIVERY_SECONDS)
    refused = [name for name in own if os.path.exists(os.path.join(config.spool, "refused", name))]
    if any(os.path.exists(os.path.join(config.spool, name)) for name in own):
        why = outage or "it is busy"
        say(f"Contribution Gate: spooled, will be delivered by the next push or `hook.py flush` ({why}).")
    elif refused:
        place = os.path.join(config.spool, "refused", refused[0])
        say(f"Contribution Gate: the gate refused this hint; see {place} on the git server.")
    else:
        say(f"Contribution Gate: recorded. {Server(config).page(None)}")
    return 0


def is_told(config: Config, update: Update) -> bool:
    """Branches may be contributions; tags and notes are none of the gate's business."""
    return update.ref.startswith("refs/heads/") or config.protects(update.ref)


def pusher_of(config: Config, environment: Mapping[str, str]) -> str | None:
    """Who the git server says is pushing; what git configuration or a commit says is nobody's word."""
    for name in config.pusher_env:
        value = environment.get(name, "").strip()
        if value:
            return value[:255]
    return None


def write_hint(config: Config, updates: Sequence[Update], environment: Mapping[str, str]) -> str:
    """A durable file in the spool, named so that names sort by time; returns the name."""
    now = time.time()
    hint = {
        "format": HINT_FORMAT,
        "id": uuid.uuid4().hex,
        "pusher": pusher_of(config, environment),
        "at": instant(now),
        "updates": [{"ref": update.ref, "old": update.old, "new": update.new} for update in updates],
    }
    name = "%020d-%s.json" % (time.time_ns(), hint["id"])
    write_durably(config.spool, name, json.dumps(hint).encode("utf-8"))
    return name


def write_durably(folder: str, name: str, content: bytes) -> None:
    """Temporary file, fsync, rename, fsync of the folder: after a crash it is there whole or not at all."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    handle, path = tempfile.mkstemp(dir=folder, prefix=".new-")
    with os.fdopen(handle, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    os.rename(path, os.path.join(folder, name))
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def spooled(folder: str) -> list[str]:
    """Names of waiting hints, oldest first."""
    try:
        return sorted(name for name in os.listdir(folder) if re.fullmatch(r"\d{20}-[0-9a-f]{32}\.json", name))
    except FileNotFoundError:
        return []


def deliver(config: Config, deadline: float | None) -> str | None:
    """Sends what waits, oldest first, until the first outage, which is returned. The gate knows repeats by id."""
    server = Server(config)
    for name in spooled(config.spool):
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            return "much is waiting"
        try:
            deliver_one(config, server, name)
        except OutageError as cause:
            return str(cause)
    return None


def deliver_one(config: Config, server: Server, name: str) -> None:
    path = os.path.join(config.spool, name)
    try:
        with open(path, "rb") as handle:
            body = handle.read()
    except FileNotFoundError:
        return  # another push delivered it
    answer = server.call("POST", "/hints", time.monotonic() + HINT_SECONDS, body)
    # 401, 403: the token is wrong, not the hint. 408, 409 (others were faster), 429: later. All of them keep their
    # place in the spool.
    is_lost_race = answer.status == 409 and b'"contradicts-record"' not in answer.body
    if 400 <= answer.status < 500 and answer.status not in (401, 403, 408, 429) and not is_lost_race:
        reason = {"status": answer.status, "reason": problem(answer.body), "hint": body.decode("utf-8", "replace")}
        write_durably(os.path.join(config.spool, "refused"), name, json.dumps(reason).encode("utf-8"))
    elif not 200 <= answer.status < 300:
        raise OutageError("the gate answered %d: %s" % (answer.status, problem(answer.body)))
    remove(path)


def remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return  # another push was faster; both delivered the same id


def flush(config: Config, again: bool) -> int:
    """Delivers what waits. 0: nothing is left; 3: the gate cannot be reached; 1: something was refused for good."""
    refused = os.path.join(config.spool, "refused")
    if again:
        for name in spooled(refused):
            with open(os.path.join(refused, name), encoding="utf-8") as handle:
                write_durably(config.spool, name, json.load(handle)["hint"].encode("utf-8"))
            remove(os.path.join(refused, name))
    outage = deliver(config, None)
    left = spooled(config.spool)
    if outage or left:
        waits = hints(len(left), "still waits", "still wait")
        say("Contribution Gate: %s (%s)." % (waits, outage or "written just now"))
        return 3
    say("Contribution Gate: nothing waits; %s refused." % hints(len(spooled(refused)), "stands", "stand"))
    return 1 if spooled(refused) else 0


def status(config: Config) -> int:
    """What an administrator wants to know before trusting it. 0: able to judge; 1: not."""
    lines = [
        f"repository  {config.repository}",
        f"mode        {config.mode}",
        f"server      {config.server}",
        "protected   %s" % (", ".join(config.protected) or "nothing"),
        "waiting     %s" % hints(len(spooled(config.spool))),
        "refused     %s" % hints(len(spooled(os.path.join(config.spool, "refused")))),
    ]
    able = True
    checks = (("hooks", _status_hooks), ("keys", _status_keys), ("git", _status_git), ("verifier", _status_verifier))
    for name, check in checks:
        try:
            lines.append("%-11s %s" % (name, check(config)))
        except CannotCheckError as cause:
            able = False
            lines.append("%-11s NOT USABLE: %s" % (name, cause))
    for line in lines:
        sys.stdout.write(line + "\n")
    return 0 if able else 1


def _status_hooks(config: Config) -> str:
    """Git must call us: both hooks stand beside the configuration and may be run."""
    for name in ("pre-receive", "post-receive"):
        hook = os.path.join(config.place, "hooks", name)
        if not os.access(hook, os.X_OK):
            raise CannotCheckError(f"{hook} is missing or may not be run; install the hook again")
    return "called by git"


def _status_keys(config: Config) -> str:
    return ", ".join(sorted(load_keys(config)))


def _status_git(config: Config) -> str:
    version = Git(os.environ).version()
    text = ".".join(str(part) for part in version)
    if version < MERGE_TREE_VERSION:
        raise CannotCheckError(f"git {text}; merges need git 2.38 or newer")
    return text


def _status_verifier(config: Config) -> str:
    """RFC 8032, section 7.1, test 2: it must say yes to it, and no to one changed byte."""
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    if not verify_signature(public, signature, b"\x72") or verify_signature(public, signature, b"\x73"):
        raise CannotCheckError("it does not tell a good signature from a bad one")
    return "works"


# == Words =================================================================================================


def show(value: str | bytes) -> str:
    """Text of others on one line of a terminal: no control characters, bounded."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return _CONTROL.sub(" ", text).strip()[:400]


def short(sha: str) -> str:
    return sha[:12]


def hints(number: int, one: str = "", many: str = "") -> str:
    """``1 hint``, ``2 hints``, with a verb that fits."""
    return ("1 hint %s" % one if number == 1 else "%d hints %s" % (number, many)).strip()


def instant(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + "Z"


def say(line: str, refusal: bool = False) -> None:
    """To the pusher. GitLab shows lines of a refusal in its pages when they carry its prefix."""
    prefix = "GL-HOOK-ERR: " if refusal and os.environ.get("GL_ID") else ""
    sys.stderr.write((prefix + line).encode("utf-8", "replace").decode("utf-8") + "\n")


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, f"{message}\n")


def main(argv: Sequence[str]) -> int:
    parser = Parser(prog="hook.py", description="Contribution Gate's git server hook.")
    parser.add_argument("command", choices=("pre-receive", "post-receive", "flush", "status"))
    parser.add_argument("--config", required=True, metavar="FILE")
    parser.add_argument("--again", action="store_true", help="flush: also send what was refused before")
    given = parser.parse_args(argv)
    runs: dict[str, Callable[[Config], int]] = {
        "pre-receive": lambda config: pre_receive(config, read_stdin(), os.environ),
        "post-receive": lambda config: post_receive(config, read_stdin(), os.environ),
        "flush": lambda config: flush(config, given.again),
        "status": status,
    }
    mode = "enforce"
    try:
        config = load_config(given.config)
        mode = config.mode
        return runs[given.command](config)
    except Exception as cause:  # noqa: BLE001 - the last line of defence: what went wrong must not read as a yes
        return give_up(given.command, mode, cause)


def give_up(command: str, mode: str, cause: Exception) -> int:
    """Fail closed: in mode enforce (and without a configuration) nothing passes that could not be checked."""
    known = isinstance(cause, (CannotCheckError, RefusedError, OutageError))
    told = str(cause) if known else f"internal error: {type(cause).__name__}: {cause}"
    if command == "pre-receive" and mode == "enforce":
        say("Contribution Gate: refused. No ref was moved.", refusal=True)
        say("    - This push could not be checked: {}.".format(show(told).rstrip(".")), refusal=True)
        say("    Ask the administrator of this git server.", refusal=True)
        return 1
    say(f"Contribution Gate: could not do its work: {show(told)}")
    return 0 if command in ("pre-receive", "post-receive") else 2


def read_stdin() -> str:
    return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
