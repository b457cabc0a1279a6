"""A small world for tests of the web room: the workflow's answers are given, HTTP is real.

Only for what the room itself promises (permissions, forms, headers, pages). The journey is tested
on real parts in ``tests/browser`` and ``tests/integration``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gate.domain.approval import Act
from gate.domain.contribution import ContributionState, Mode
from gate.domain.errors import NotFoundError, NotSignedInError
from gate.domain.people import PersonRef
from gate.policy.decision import (
    Answer,
    Candidate,
    ConditionResult,
    Decision,
    Disqualified,
    Filled,
    NotCounted,
    Reason,
    RequirementResult,
    RuleResult,
    RuleState,
)
from gate.policy.facts import CheckFacts, ContributorFacts, Facts, PathFacts, PersonFacts, RepositoryFacts, TrainingHeld
from gate.settings import Settings
from gate.web.permissions import Permission
from gate.workflow import shown, sign_shown
from gate.workflow.act_form import ActForm
from gate.workflow.delegation_pages import DelegableShown, DelegationShown, DelegationsPage
from gate.workflow.override_shown import GlassShown, OverrideForm, OverrideShown
from gate.workflow.override_statement import Outcome, OverrideAct
from tests.support import web_policies

NOW = datetime(2026, 11, 22, 16, 4, 52, tzinfo=UTC)
HEAD, TREE, BASE = "a1" * 20, "b2" * 20, "c3" * 20
DIGEST = "d4" * 32
PASSWORD = "correct horse battery staple"
COOKIE, TOKEN, CSRF = "session-secret", "gate_0123456789abcdef", "form-token-of-anna"
ANNA = PersonRef(directory="corp", id_attr="entryUUID", id="d023c978-0000-4000-8000-000000000001")
ALL_SCOPES = frozenset(one.token_scope for one in Permission if one.scope == "api")


@dataclass(slots=True)
class World:
    """What the fake workflow answers, and what it was asked (``calls``). Change a field to change the world."""

    settings: Settings
    person: shown.SignedIn
    scopes: frozenset[str] = ALL_SCOPES
    token_repository: str | None = None
    raises: dict[str, Exception] = field(default_factory=dict)
    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    text: str = "Retry <uploads> & keep order"

    def parts(self) -> Any:
        return SimpleNamespace(
            settings=self.settings, clock=SimpleNamespace(now=lambda: NOW), random_bytes=lambda n: b"\x07" * n
        )

    def called(self, name: str) -> list[tuple[Any, ...]]:
        return [given for called, given in self.calls if called == name]


def build_world(tmp: Path, *, base_url: str = "http://127.0.0.1:8480") -> World:
    person = shown.SignedIn(
        ref=ANNA,
        login="anna",
        name="Anna Berg",
        team="ledger",
        permissions=frozenset(one.value for one in Permission if one.scope == "page"),
        session="5e" * 32,
        csrf=CSRF,
        signed_in_at=NOW - timedelta(minutes=5),
    )
    return World(settings=Settings(instance=tmp, base_url=base_url), person=person)


@contextmanager
def patched_app(world: World) -> Iterator[Flask]:
    """The web application over this world."""
    from gate.web import create_web

    with pytest.MonkeyPatch.context() as patch:
        for name, answer in build_answers(world).items():
            module, _, function = name.partition(".")
            patch.setattr(import_module(f"gate.workflow.{module}"), function, answer)
        app = create_web(world.parts())
        app.testing = False
        yield app


def sign_in_client(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.set_cookie("gate", COOKIE)
    return client


def read_form_token(html: str) -> str:
    found = re.search(r'name="csrf" value="([^"]*)"', html)
    assert found, "the page has no form token"
    return found[1]


def fill_path(app: Flask, endpoint: str) -> str:
    """The path of an endpoint with values that exist in this world."""
    values = {
        "repository": "ledger-core",
        "number": 12,
        "act": "approve",
        "step": "invoke",
        "sha": HEAD,
        "index": 41,
        "terms_id": "dco",
        "pack_id": "p1",
        "forge": "github",
        "filename": "gate.css",
        "name": "bank.yaml",
    }
    rule = next(one for one in app.url_map.iter_rules() if one.endpoint == endpoint)
    built = app.url_map.bind("127.0.0.1").build(endpoint, {name: values[name] for name in rule.arguments})
    return {
        "delegations.show_hand_over": built + "?as=qa:&to=eve&until=2026-12-01T18:00",
        "evidence.download_population": built + "?repository=ledger-core&from=2026-10-01&to=2026-11-01",
        "status.show_verdicts": built + f"?target=refs/heads/main&sha={HEAD}",
    }.get(endpoint, str(built))


def read_method(app: Flask, endpoint: str) -> str:
    rule = next(one for one in app.url_map.iter_rules() if one.endpoint == endpoint)
    return "POST" if "POST" in (rule.methods or ()) else "GET"


def build_answers(world: World) -> dict[str, Any]:
    """Every workflow function the room calls, by ``module.function``."""

    def answering(name: str, build: Any) -> Any:
        def call(_parts: Any, *given: Any) -> Any:
            world.calls.append((name, given))
            if name in world.raises:
                raise world.raises[name]
            return build(*given)

        return call

    plain = {
        "session.sign_in": lambda login, password, address: sign_in(world, login, password),
        "session.current": lambda token: world.person if token == COOKIE else None,
        "session.sign_out": lambda token: None,
        "tokens.bearer": lambda header: bearer(world, header),
        "inbox.inbox": lambda who: build_inbox(world),
        "pages.contributions": lambda who, repository, state: (build_item(world),),
        "pages.contribution": lambda who, repository, number: build_page(world, number),
        "pages.repositories": lambda who: (build_card(world),),
        "pages.repository": lambda who, repository: build_repository(world),
        "pages.policies": lambda: build_policies(world),
        **web_policies.build_answers(build_decision(world), world.text),
        "delegation_pages.delegations_page": lambda who: build_delegations(world),
        "delegation_pages.list_delegations": lambda repository: {"delegations": []},
        "delegate.prepare_delegation": lambda who, wanted: build_act_form(world),
        "delegate.prepare_end": lambda who, index: build_act_form(world),
        "delegate.hand_over": lambda who, wanted, seen, password, address, request_id: sign(world, password).index,
        "delegate.end": lambda who, index, seen, password, address, request_id: sign(world, password).index,
        "clear_veto.prepare_clearance": lambda who, repository, number, veto: build_act_form(world),
        "propose.propose": lambda who, wanted, password, address: sign(world, password).index - 38,
        "propose.act": lambda who, wanted, password, address: sign(world, password).index,
        "pages.log": lambda page: build_timeline(world),
        "pages.by_head": lambda repository, sha: 12 if sha == HEAD else None,
        "override.prepare": lambda *given: build_override_form(world, *given),
        "override.invoke": lambda who, wanted, password, address: sign(world, password),
        "override.cosign": lambda who, wanted, password, address: sign(world, password),
        "override.review": lambda who, wanted, password, address: sign(world, password),
        "override_list.overrides": lambda: (build_override(world),),
        "override_list.owed_to": lambda who: (build_override(world),),
        "override_list.overrides_json": lambda repository: {"overrides": [build_override(world).as_json()]},
        "sign.prepare": lambda *given: build_form(world, *given),
        "sign.sign": lambda who, wanted, password, address: sign(world, password),
        "terms.terms": lambda who: (build_terms(world),),
        "terms.accept": lambda who, terms_id, digest, password, address, request_id: sign(world, password),
        "receipt.receipt": lambda index: build_receipt(world, index),
        "status.answer": lambda repository, sha, target, size: build_answer(repository, sha),
        "status.verdicts": lambda repository, target, shas: {"verdicts": dict.fromkeys(shas), "answers": {}},
        "receive.hint": lambda repository, holder, body: shown.HintOutcome(fresh=True, accepted=1, ignored=()),
        "deliver.delivery": lambda forge, headers, raw, address: shown.HintOutcome(fresh=False, accepted=0, ignored=()),
        "receive.ci": lambda holder, body: {"repository": "ledger-core", "number": 12},
        "checks.report": lambda holder, repository, sha, body: {"index": 99},
        "export.request": lambda who, wanted: "p1",
        "export.pack": lambda pack_id: build_pack(world, pack_id),
        "export.packs": lambda: (build_pack(world, "p1"),),
        "export.pack_file": lambda pack_id: b"%PDF-1.7\n",
        "export.population_csv": lambda who, wanted: b"number,title\r\n12,x\r\n",
        "health.health": lambda: (True, {"ok": True}),
    }
    return {name: answering(name, build) for name, build in plain.items()}


def build_delegations(world: World) -> DelegationsPage:
    """One of each state, with what people wrote in every place where it shows."""
    one = DelegationShown(
        index=41,
        giver=world.text,
        receiver=world.text,
        role=world.text,
        team=world.text,
        starts_at=NOW,
        ends_at=NOW + timedelta(days=7),
        state="active",
        ended_at=None,
        ended_by=None,
        may_end=True,
    )
    ended = replace(one, state="ended", ended_at=NOW, ended_by=42, may_end=False)
    may_give = (DelegableShown(role="qa", team=None, longest="21 days"),)
    others = (replace(one, state="coming"), replace(ended, state="over", ended_at=None))
    return DelegationsPage(given=(one, ended), received=others, may_give=may_give, is_known=True, error=None)


def build_act_form(world: World) -> ActForm:
    return ActForm(statement=f"I. {world.text}\n", statement_digest=DIGEST, printed_name=world.text, seen=DIGEST)


def sign_in(world: World, login: str, password: str) -> tuple[shown.SignedIn, str]:
    if (login, password) != ("anna", PASSWORD):
        raise NotSignedInError("Login or password is wrong.", remedy="Try again.")
    return world.person, COOKIE


def bearer(world: World, header: str) -> Any:
    if header != f"Bearer {TOKEN}":
        raise NotSignedInError("There is no such token.")
    return SimpleNamespace(id="t1", name="ci", repository=world.token_repository, scopes=world.scopes, log_size=7)


def sign(world: World, password: str) -> sign_shown.ReceiptShown:
    if password != PASSWORD:
        raise NotSignedInError("The password is wrong.", code="wrong-password", remedy="Type it again.")
    return build_receipt(world, 41)


def build_item(world: World) -> shown.ContributionItem:
    return shown.ContributionItem(
        repository="ledger-core",
        number=12,
        title=world.text,
        author="Boris Klein",
        from_teams=("payments",),
        to_teams=("ledger",),
        target="refs/heads/main",
        head=HEAD,
        state=ContributionState.OPEN,
        answer=Answer.PENDING,
        ask=f"Approve as maintainer of ledger. {world.text}",
        opened_at=NOW - timedelta(days=2),
        updated_at=NOW - timedelta(hours=3),
    )


def build_inbox(world: World) -> shown.Inbox:
    item = build_item(world)
    landed = replace(item, number=9, state=ContributionState.MERGED, answer=Answer.APPROVED, title=None, ask="Landed.")
    return shown.Inbox(
        needs_you=(item,), waiting=(), decided=(landed,), open_elsewhere=4, reviews=(build_override(world),)
    )


def build_decision(world: World, answer: Answer = Answer.PENDING) -> Decision:
    names = ("Anna Berg", "Chen Li", "Dora Nagy", "Emil Novak", "Farah Aziz", "Goran Ilic", "Hana Sato")
    need = RequirementResult(
        id="owner",
        role="maintainer",
        team="ledger",
        count=2,
        meaning="owner-approval",
        sentence="Needs 1 more with the role maintainer of ledger",
        filled=(
            Filled(
                person="corp:2", name=f"Ines Roth {world.text}", index=30, signed_at=NOW, meaning="I approve as owner"
            ),
        ),
        missing=1,
        candidates=tuple(Candidate(person=f"corp:{name}", name=name) for name in names),
        disqualified=(
            Disqualified(
                person="corp:1", name="Boris Klein", code="contributor", reason=f"pushed revision 1 {world.text}"
            ),
        ),
    )
    return Decision(
        answer=answer,
        summary=f"Waits for 1 signature. {world.text}",
        evaluated_at=NOW,
        valid_until=NOW + timedelta(minutes=5),
        head=HEAD,
        target="refs/heads/main",
        policy_epoch=3,
        policy_digest=DIGEST,
        reasons=(Reason(code="missing", sentence=f"One maintainer of ledger is missing. {world.text}", rule="owners"),),
        rules=(
            RuleResult(
                id="owners",
                description=f"Owners approve {world.text}",
                state=RuleState.UNSATISFIED,
                because=("cross-team: payments is not ledger",),
                requirements=(need,),
                controls=("SOX-CC8.1",),
            ),
            RuleResult(id="security", description="Security reviews crypto", state=RuleState.NOT_APPLICABLE),
            RuleResult(id="sanity", description="Somebody looked", state=RuleState.SATISFIED),
            RuleResult(id="broken", description="Broken", state=RuleState.ERROR, error=world.text),
        ),
        conditions=(
            ConditionResult(
                id="training",
                kind="training",
                is_met=False,
                sentence=world.text,
                remedy=world.text,
                people=(world.text,),
            ),
            ConditionResult(id="cr", kind="change-request", is_met=True, sentence="Change request CHG-1 is given."),
        ),
        not_counted=(
            NotCounted(index=12, person="corp:3", name=world.text, code="stale", reason=f"an older head {world.text}"),
        ),
        excluded=(Disqualified(person="corp:1", name=world.text, code="contributor", reason=world.text),),
        ask=(Candidate(person="corp:4", name=world.text),),
        notes=(world.text,),
    )


def build_facts(world: World) -> Facts:
    person = PersonFacts(
        id="corp:1",
        login="boris",
        name=world.text,
        state="active",
        team="payments",
        entity="Aster Pay GmbH",
        trainings=(TrainingHeld(code="GXP-1", valid_until=NOW, as_of=NOW.date(), source="register"),),
    )
    return Facts(
        now=NOW,
        repository=RepositoryFacts(
            id="ledger-core", mode="enforce", owning_teams=("ledger",), protected=("refs/heads/main",)
        ),
        number=12,
        target="refs/heads/main",
        head=HEAD,
        tree=TREE,
        merge_base=BASE,
        merges_cleanly=True,
        revision=2,
        policy_epoch=3,
        policy_digest=DIGEST,
        author="corp:1",
        paths=(PathFacts(path=f"src/{world.text}", old_path="src/old.py", status="R", added=3, deleted=1),),
        contributors=(ContributorFacts(part="author", address="b@x", person="corp:1", how="mail", revisions=(1, 2)),),
        people=(person,),
        checks=(CheckFacts(name="build", head=HEAD, outcome="success", reporter=world.text, reported_at=NOW),),
        directory_checked_at=NOW,
    )


def build_page(world: World, number: int) -> shown.ContributionPage:
    if number != 12:
        raise NotFoundError("There is no such contribution.")
    decision = build_decision(world)
    return shown.ContributionPage(
        item=build_item(world),
        mode=Mode.ENFORCE,
        description=world.text,
        decision=decision,
        decision_index=33,
        facts=build_facts(world),
        now=replace(decision, answer=Answer.BLOCKED),
        error=None,
        revisions=(
            shown.RevisionShown(
                number=2, head=HEAD, tree=TREE, merge_base=BASE, recorded_at=NOW, pusher=f"boris {world.text}"
            ),
        ),
        contributors=(
            shown.ContributorShown(
                name=world.text, person=None, address=world.text, part="co-author", how="nobody", team=None
            ),
        ),
        timeline=build_timeline(world),
        may=(Act.APPROVE, Act.REJECT, Act.WITHDRAW),
        why_not=world.text,
        own_approval=30,
        change_request=world.text,
        terms={"training": "dco"},
        glass=GlassShown(
            invokers=(world.text,),
            invoker_role=world.text,
            waives=(world.text,),
            reaches=(world.text,),
            never_waives=(world.text,),
            span="4 hours",
            review=world.text,
            locks=(world.text,),
            sentence=world.text,
            can_cosign=(world.text,),
            may=tuple(OverrideAct),
            why_not=(world.text,),
        ),
        overrides=(build_override(world),),
    )


def build_timeline(world: World) -> tuple[shown.TimelineItem, ...]:
    return (
        shown.TimelineItem(
            index=33, at=NOW, kind="decision", sentence=f"Decided: pending {world.text}", person=None, reason=world.text
        ),
    )


def build_form(
    world: World,
    who: Any,
    repository: str,
    number: int,
    act: Act,
    role: str | None = None,
    team: str | None = None,
    meaning: str | None = None,
    under: str | None = None,
) -> sign_shown.SignForm:
    choices = (
        sign_shown.SignChoice(
            role="maintainer",
            team="ledger",
            meanings=(("owner-approval", "I approve as owner"), ("review", f"I have reviewed {world.text}")),
            satisfies=(f"A maintainer of ledger {world.text}",),
        ),
        sign_shown.SignChoice(role="qa", team=None, meanings=(("owner-approval", "I approve"),), satisfies=()),
    )
    return sign_shown.SignForm(
        repository=repository,
        number=number,
        title=world.text,
        act=act,
        head=HEAD,
        tree=TREE,
        target="refs/heads/main",
        merge_base=BASE,
        files=3,
        paths=("a.py", world.text),
        diff="git diff one other",
        change_request=world.text,
        policy_id="bank",
        policy_epoch=3,
        policy_digest=DIGEST,
        choices=() if act is Act.WITHDRAW else choices,
        role=role or "maintainer",
        team=team or ("ledger" if role is None else None),
        meaning=meaning or "owner-approval",
        statement=f"I, Anna Berg, {act.value} as {role or 'maintainer'}: {meaning}.\nThe gate vouches. {world.text}",
        statement_digest=DIGEST,
        seen="e5" * 32,
        reason_required=act is not Act.APPROVE,
        afterwards=f"It may land. {world.text}",
        counted=(world.text,),
        printed_name="Anna Berg",
        under=under,
    )


def build_override(world: World) -> OverrideShown:
    """An overdue one, with what people wrote in every place where it shows."""
    return OverrideShown(
        index=50,
        repository="ledger-core",
        number=12,
        head=HEAD,
        name=world.text,
        role=world.text,
        code=world.text,
        incident=world.text,
        reason=world.text,
        invoked_at=NOW - timedelta(days=9),
        until=NOW - timedelta(days=8),
        cosigners=(world.text,),
        review_role=world.text,
        review_due_at=NOW - timedelta(days=1),
        is_owed=True,
        is_overdue=True,
        reviewed_by=None,
        reviewer=None,
        outcome=None,
        review_reason=None,
    )


def build_override_form(
    world: World,
    who: Any,
    repository: str,
    number: int,
    act: OverrideAct,
    code: str | None = None,
    incident: str | None = None,
    outcome: Outcome | None = None,
) -> OverrideForm:
    return OverrideForm(
        act=act,
        repository=repository,
        number=number,
        title=world.text,
        printed_name="Anna Berg",
        capacity="incident-commander",
        head=HEAD,
        tree=TREE,
        target="refs/heads/main",
        policy_id="bank",
        policy_epoch=3,
        policy_digest=DIGEST,
        waives=(world.text,),
        never_waives=(world.text,),
        span="4 hours",
        review=world.text,
        codes=("outage", world.text),
        incident_example="INC-7",
        min_chars=30,
        code=code,
        incident=incident,
        outcome=outcome,
        invocation=build_override(world),
        statement=f"I, Anna Berg, {act.value}. {world.text}",
        statement_digest=DIGEST,
        seen="e5" * 32,
        afterwards=world.text,
    )


def build_receipt(world: World, index: int) -> sign_shown.ReceiptShown:
    return sign_shown.ReceiptShown(
        index=index,
        kind="approval",
        lines=(("Signed by", f"Anna Berg {world.text}"), ("Meaning", "I approve as owner")),
        envelope='{"payload":"…"}',
        statement=world.text,
        proof="c2sp.org/tlog-proof@v1\nindex 41\n",
        leaf=DIGEST,
        repository="ledger-core",
        number=12,
        answer=Answer.APPROVED,
    )


def build_terms(world: World) -> shown.TermsShown:
    return shown.TermsShown(id="dco", title=world.text, text=world.text, digest=DIGEST, accepted_at=None)


def build_card(world: World) -> shown.RepositoryCard:
    return shown.RepositoryCard(
        id="ledger-core",
        title=world.text,
        description=world.text,
        mode=Mode.WARN,
        owning_teams=("ledger",),
        protected=("refs/heads/main",),
        contact=world.text,
        open_count=3,
        merged_count=20,
        waiting_for_reviewers=93_000,
    )


def build_repository(world: World) -> shown.RepositoryPage:
    return shown.RepositoryPage(
        card=build_card(world),
        url=f"https://git.example/{world.text}",
        policy_id="bank",
        rules=((world.text, (world.text,)),),
        eligible=(
            shown.EligibleShown(id=world.text, is_met=True, sentence=world.text),
            shown.EligibleShown(id="Terms", is_met=False, sentence=world.text, terms="dco"),
        ),
        recent=(build_item(world), replace(build_item(world), state=ContributionState.MERGED, unapproved_in=Mode.WARN)),
        unexplained=(
            shown.UnexplainedShown(commit=HEAD, branch="refs/heads/main", landed_at=NOW, index=44, number=None),
        ),
    )


def build_policies(world: World) -> shown.PolicyPage:
    return shown.PolicyPage(
        epoch=3,
        activated_at=NOW,
        activated_by=world.text,
        index=2,
        files=(
            shown.PolicyFile(
                name="bank.yaml", text=world.text, digest=DIGEST, effective=(("ledger-core", "main", DIGEST),)
            ),
        ),
    )


def build_pack(world: World, pack_id: str) -> shown.PackShown:
    if pack_id not in ("p1", "queued"):
        raise NotFoundError("There is no such pack.")
    state = "ready" if pack_id == "p1" else "queued"
    return shown.PackShown(
        id=pack_id,
        repository="ledger-core",
        period_from=NOW - timedelta(days=90),
        period_to=NOW,
        state=state,
        step=world.text,
        asked_by=world.text,
        asked_at=NOW,
        sha256=DIGEST,
        pages=31,
        index=77,
    )


def build_answer(repository: str, sha: str) -> shown.AnswerShown:
    known = sha == HEAD
    word = "approved" if known else "unknown"
    body: dict[str, object] = {"format": "gate-answer/v1", "answer": word, "repository": repository}
    return shown.AnswerShown(
        answer=word, http=200 if known else 404, body=body, text=shown.encode_body(body), etag='"abc"'
    )
