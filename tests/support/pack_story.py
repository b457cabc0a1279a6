"""The life of a fictional bank's repository, played into a log and collected as the rows of a pack."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import gate.standalone.verify
from gate.evidence import twin as t
from gate.evidence.codec import twin_bytes
from gate.evidence.pack import BranchInput, ContributionInput, PackInputs, build_pack
from gate.pdf.render import build_supplements, render_pack
from gate.pdf.seal import seal
from tests.support.packs import (
    MAIN,
    ORIGIN,
    REPOSITORY,
    START,
    Log,
    Tree,
    canonical_json,
    digest,
    git_id,
    instant,
    keys,
    seal_pair,
    trust_document,
)  # fmt: skip

PEOPLE = (
    ("Anna Lindqvist", "anna", "maintainer"),
    ("Jörg Weiß", "joerg", "quality"),
    ("Élodie Garçon", "elodie", "security"),
    ("Νίκος Παπαδόπουλος", "nikos", "maintainer"),
    ("Дмитрий Щукин", "dmitri", "quality"),
    ("محمد عبد الله", "mohammed", "maintainer"),
    ("שרה כהן", "sarah", "security"),
    ("अनुष्का शर्मा", "anushka", "quality"),
    ("สมชาย ใจดี", "somchai", "maintainer"),
    ("田中 太郎", "tanaka", "security"),
)
POLICY = """# Who may let a contribution into the ledger.
format: gate-policy/v1
name: ledger
rules:
  - id: two-owners
    description: Two maintainers of the owning team approve.
    requires:
      - {role: maintainer, team: ledger, count: 2, meaning: approval}
  - id: quality
    description: Quality assurance takes responsibility.
    requires:
      - {role: quality, count: 1, meaning: responsibility}
"""


def free_text(value: str) -> t.ErasableText:
    salt = hashlib.sha256(b"salt" + value.encode()).digest()
    return t.ErasableText(value=value, salt=salt.hex(), commitment=hashlib.sha256(salt + value.encode()).hexdigest())


@dataclass
class Story:
    """One repository's life in the period, played into a ``Log`` and collected as rows."""

    log: Log = field(default_factory=Log)
    contributions: list[ContributionInput] = field(default_factory=list)
    landings: list[t.Landing] = field(default_factory=list)
    texts: dict[str, t.ErasableText] = field(default_factory=dict)
    policies: list[t.PolicyEpoch] = field(default_factory=list)
    tip: str = field(default_factory=lambda: git_id("tip", 0))

    def begin(self) -> None:
        self.log.append("genesis", "gate", [], keys=[key.vkey for key in keys().values()])
        self.activate(POLICY, "gate init")

    def activate(self, text: str, by: str) -> None:
        sha = hashlib.sha256(text.encode()).hexdigest()
        epoch = len(self.policies) + 1
        effective = digest("effective", sha)
        index = self.log.append(
            "policy-activated",
            "policy",
            [],
            epoch=epoch,
            files=[{"name": "ledger.yaml", "sha256": sha, "effectiveSha256": effective}],
        )
        file = t.PolicyFile(name="ledger.yaml", text=text, sha256=sha, effective_sha256=effective)
        self.policies.append(
            t.PolicyEpoch(epoch=epoch, activated_at=instant(self.log.at), by=by, index=index, files=(file,))
        )

    @property
    def effective(self) -> str:
        return self.policies[-1].files[0].effective_sha256 or ""

    def stream(self, number: int) -> str:
        return f"contribution/{REPOSITORY}#{number}"

    def sign(self, number: int, revision: int, person: tuple[str, str, str], **changes: Any) -> int:
        name, login, role = person
        head = git_id("head", number, revision)
        reason = free_text(f"Reviewed {REPOSITORY}#{number}: {name} checked the booking rules.")
        self.texts[reason.commitment] = reason
        members: dict[str, Any] = {
            "result": "APPROVED",
            "meaning": "approve",
            "meaningText": "I approve that this revision may land.",
            "meaningKind": "approval",
            "reviewer": {
                "id": f"corp:{digest(login)[:32]}", "idAttr": "entryUUID", "login": login,
                "dn": f"uid={login},ou=people,dc=halden,dc=example", "displayName": name, "role": role,
                "team": "ledger" if role == "maintainer" else None, "roles": [], "homeTeam": "ledger",
                "entity": "Halden Bank AB", "authn": "ldap+session",
            },
            "auth": {
                "method": "ldap-bind", "components": ["login", "password"], "at": instant(self.log.at),
                "session": digest("session", login), "firstInSession": True,
            },
            "repository": REPOSITORY, "number": number, "revision": revision, "targetRef": MAIN,
            "fromID": git_id("base", number), "targetID": git_id("tree", number, revision), "head": head,
            "mergeTree": git_id("merge", number, revision),
            "policy": {
                "uri": "gate:policy/ledger", "epoch": len(self.policies), "digest": {"sha256": self.effective},
                "textDigest": {"sha256": self.policies[-1].files[0].sha256},
            },
            "statementText": f"I, {name}, approve revision {revision} of {REPOSITORY}#{number} ({head}).",
            "seen": digest("seen", number, revision, login),
            "reasonCommitment": {"sha256": reason.commitment},
            "expiresAt": None, "supersedes": None, "vouch": {"by": "gate", "on": "ldap+session"},
        }  # fmt: skip
        members.update(changes)
        subject = [
            {
                "name": f"git+gate:repository/{REPOSITORY}",
                "digest": {"gitCommit": head, "gitTree": git_id("tree", number, revision)},
            }
        ]
        return self.log.append("approval", self.stream(number), subject, **members)

    def review(self, number: int, revision: int, **changes: Any) -> int:
        """A review on the forge."""
        head = git_id("head", number, revision)
        members: dict[str, Any] = {
            "notice": "a review on the forge, not a signature", "result": "APPROVED", "forge": "hub", "review": "77",
            "account": "9", "login": "nils", "how": "login", "submittedAt": instant(self.log.at), "reviewer": {
                "id": f"corp:{digest('nils')}", "idAttr": "entryUUID", "login": "nils", "displayName": "Nils Aho",
                "dn": "uid=nils,ou=people,dc=halden,dc=example", "roles": [{"role": "maintainer", "team": "ledger"}],
                "homeTeam": "ledger",
            },
            "directory": None, "repository": REPOSITORY, "number": number, "revision": revision, "head": head,
            "targetRef": MAIN, "fromID": git_id("base", number), "targetID": git_id("tree", number, revision),
            "mergeTree": None, "policy": {"uri": "gate:policy/ledger", "epoch": len(self.policies)},
            "changeRequest": None, "expiresAt": None, "vouch": {"by": "forge/hub", "on": "signed-delivery"},
        }  # fmt: skip
        return self.log.append("forge-review", self.stream(number), [], **{**members, **changes})

    def contribute(
        self,
        title: str,
        *,
        revisions: int = 1,
        signers: tuple[tuple[str, str, str], ...] = (),
        reviews: tuple[dict[str, Any], ...] = (),
        lands: bool = True,
    ) -> int:
        """One contribution: opened, revised, signed by ``signers``, reviewed on a forge, decided, perhaps landed."""
        number = len(self.contributions) + 1
        shown = free_text(title)
        common = {"repository": REPOSITORY, "number": number, "targetRef": MAIN}
        change = f"CHG-{1000 + number}"
        self.log.append(
            "contribution-opened", self.stream(number), [], **common,
            titleCommitment={"sha256": shown.commitment}, changeRequest=change,
        )  # fmt: skip
        opened_at = instant(self.log.at)
        rows = tuple(self._revise(number, count, common) for count in range(1, revisions + 1))
        counted = [self.sign(number, revisions, person) for person in signers]
        counted += [self.review(number, revisions, **changes) for changes in reviews]
        decision = self._decide(number, revisions, common, counted, lands)
        if lands:
            self._land(number, revisions)
        self.contributions.append(
            ContributionInput(
                repository=REPOSITORY,
                number=number,
                title=shown,
                state="merged" if lands else "open",
                target=MAIN,
                opened_at=opened_at,
                change_request=change,
                revisions=rows,
                contributors=(
                    t.ContributorRow(
                        part="author",
                        person=f"corp:{digest('lea')}",
                        name="Lea Marchetti",
                        how="mail",
                        revisions=tuple(range(1, revisions + 1)),
                    ),
                ),
                decision=decision,
            )
        )
        return number

    def _revise(self, number: int, revision: int, common: dict[str, Any]) -> t.RevisionRow:
        head, tree = git_id("head", number, revision), git_id("tree", number, revision)
        base, merge = git_id("base", number), git_id("merge", number, revision)
        index = self.log.append(
            "revision-recorded", self.stream(number), [], **common, revision=revision, head=head, targetID=tree,
            fromID=base, mergeTree=merge,
        )  # fmt: skip
        return t.RevisionRow(
            number=revision, head=head, tree=tree, merge_base=base, merge_tree=merge,
            recorded_at=instant(self.log.at), index=index,
        )  # fmt: skip

    def _decide(
        self, number: int, revision: int, common: dict[str, Any], counted: list[int], lands: bool
    ) -> t.DecisionRow:
        answer = "approved" if lands else "pending"
        at = instant(self.log.at)
        document = {
            "format": "gate-decision/v1", "answer": answer, "summary": f"{len(counted)} of 2 signatures",
            "head": git_id("head", number, revision), "target": MAIN, "evaluated_at": at, "counted": counted,
            "policy_epoch": len(self.policies), "policy_digest": self.effective, "is_cross_team": True,
            "owning_teams": ["ledger"], "contributing_teams": ["payments"], "notes": [],
            "conditions": [{"id": "change-request", "kind": "change_request", "is_met": True, "sentence": "Given."}],
            "rules": [
                {"id": "two-owners", "description": "Two maintainers of the owning team approve.",
                 "state": "satisfied" if lands else "unsatisfied", "because": ["ledger/ is owned by team ledger"]},
            ],
            "reasons": [{"code": "rules", "sentence": "Every applicable rule is satisfied.", "rule": None}],
        }  # fmt: skip
        sha, facts = hashlib.sha256(canonical_json(document)).hexdigest(), digest("facts", number)
        index = self.log.append(
            "decision", self.stream(number), [], **common, revision=revision, head=document["head"], answer=answer,
            decision={"sha256": sha}, facts={"sha256": facts}, policy={"epoch": len(self.policies)},
        )  # fmt: skip
        return t.DecisionRow(
            index=index, answer=answer, summary=str(document["summary"]), evaluated_at=at, sha256=sha,
            facts_sha256=facts, document=document,
        )  # fmt: skip

    def _land(self, number: int, revision: int) -> None:
        self.step(t.Outcome.APPROVED, number=number, head=git_id("head", number, revision), commits=1 + number % 2)

    def step(self, outcome: t.Outcome, *, number: int | None = None, head: str | None = None, commits: int = 1) -> None:
        """Move main by ``commits`` first-parent commits."""
        before, place = self.tip, len(self.landings)
        chain = tuple(git_id("commit", place, turn) for turn in range(commits))
        kind = "unexplained" if outcome is t.Outcome.UNEXPLAINED else "merge"
        stream = f"repository/{REPOSITORY}" if number is None else self.stream(number)
        index = self.log.append(
            "landed", stream, [], repository=REPOSITORY, number=number, targetRef=MAIN, outcome=outcome.value,
            kind=kind, before=before, after=chain[-1], commits=list(chain), head=head,
        )  # fmt: skip
        self.tip = chain[-1]
        self.landings.append(
            t.Landing(
                index=index,
                kind=kind,
                outcome=outcome,
                before=before,
                after=self.tip,
                commits=chain,
                head=head,
                number=number,
                at=instant(self.log.at),
            )
        )

    def inputs(self, previous_size: int | None = None) -> PackInputs:
        log, tree, size = self.log, self.log.tree(), len(self.log.envelopes)
        entries = tuple(
            t.EntryRow(
                index=index,
                envelope=base64.b64encode(data).decode(),
                proof=tuple(base64.b64encode(item).decode() for item in tree.inclusion(index, 0, size)),
            )
            for index, data in enumerate(log.envelopes)
        )
        seal = base64.b64decode("".join(seal_pair()[1].decode().splitlines()[1:-1]))
        return PackInputs(
            pack="pack-2026-0007",
            organisation="Halden Bank",
            gate=t.GateLabel(origin=ORIGIN, software="contribution-gate/0.1.0"),
            scope=t.Scope(
                repositories=(t.RepositoryRef(id=REPOSITORY, name="Ledger core", url=""),),
                period_from=instant(START - dt.timedelta(days=1)),
                period_to=instant(log.at + dt.timedelta(days=1)),
                asked_by=t.PersonLabel(id=f"corp:{digest('audit')}", name="Ruth Okafor", login="ruth"),
                reason="Annual audit of change management, sample request 14",
                made_at=instant(log.at + dt.timedelta(hours=1)),
            ),
            as_of=self._as_of(tree, size, previous_size),
            branches=(
                BranchInput(
                    repository=REPOSITORY,
                    branch=MAIN,
                    from_commit=git_id("tip", 0),
                    to_commit=self.tip,
                    first_parent_count=sum(len(item.commits) for item in self.landings),
                    landings=tuple(self.landings),
                ),
            ),
            contributions=tuple(self.contributions),
            policies=tuple(self.policies),
            entries=entries,
            keys=t.Keys(
                log=(keys()["log"].vkey,),
                act=(keys()["act"].vkey,),
                verdict=(keys()["verdict"].vkey,),
                seal=(hashlib.sha256(seal).hexdigest(),),
            ),
            texts=dict(self.texts),
        )

    def _as_of(self, tree: Tree, size: int, previous_size: int | None) -> t.AsOf:
        as_of = t.AsOf(size=size, root=tree.root(0, size).hex(), checkpoint=self.log.checkpoint())
        if previous_size is None:
            return as_of
        old = t.PreviousPack(
            id="pack-2026-0006", sha256=digest("previous"), size=previous_size, root=tree.root(0, previous_size).hex()
        )
        proof = tuple(base64.b64encode(item).decode() for item in tree.consistency(previous_size, 0, size))
        return replace(as_of, previous=old, consistency=proof)


def play(contributions: int = 12, *, signers: int = 2, previous_size: int | None = 3) -> PackInputs:
    """A usual period: most land, one is open, one withdrawal, one direct push, one override."""
    story = Story()
    story.begin()
    for count in range(contributions):
        chosen = tuple(PEOPLE[(count + turn) % len(PEOPLE)] for turn in range(signers))
        lands = count % 6 != 5
        number = story.contribute(
            f"Book value dates in the ledger's own calendar, part {count + 1}",
            revisions=1 + count % 3, signers=chosen if lands else chosen[:1], lands=lands,
        )  # fmt: skip
        if not lands:
            given = len(story.log.envelopes) - 2
            story.sign(number, 1 + count % 3, chosen[0], result="WITHDRAWN", supersedes=given)
        if count == 3:
            story.step(t.Outcome.UNEXPLAINED)
        if count == 4:
            story.step(t.Outcome.OUT_OF_SCOPE, commits=2)
    if contributions > 6:
        story.activate(POLICY + "# from epoch 2 on: reviewed in July\n", "Ruth Okafor")
    return story.inputs(previous_size)


SEALED_AT = dt.datetime(2026, 10, 1, 12, 0, tzinfo=dt.UTC)


@cache
def usual_twin(contributions: int = 7, previous_size: int | None = 3) -> bytes:
    """The twin of a usual period."""
    return twin_bytes(build_pack(play(contributions, previous_size=previous_size)))


def sealed(twin: bytes, key: str = "seal") -> bytes:
    """The pack of ``twin`` as the gate would hand it out, sealed with the key of that name."""
    verifier = Path(gate.standalone.verify.__file__).read_bytes()
    pdf = render_pack(twin, build_supplements(verifier, json.dumps(trust_document()).encode()))
    return seal(pdf, *seal_pair(key), SEALED_AT)


@cache
def usual_pack() -> bytes:
    return sealed(usual_twin())
