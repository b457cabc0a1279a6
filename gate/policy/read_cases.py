"""`fixtures` and `tests` of a policy file to cases, or ``InputError`` with file, line and what to write instead.

Everybody who signs is among `people`, every role and team is written out, every instant is UTC. A fixture that nothing
uses is read all the same. What is not said has an everyday value: an hour ago for a signature, a fresh directory,
one changed line a path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import PurePosixPath

from gate.domain.clock import parse_instant
from gate.policy import facts as snapshots
from gate.policy import shape_tests as shapes
from gate.policy.cases import Case, Signing
from gate.policy.decision import Answer
from gate.policy.document import Policy
from gate.policy.paths import branch_name
from gate.policy.read import check_declared, check_unique
from gate.policy.scenes import Scene, merge_scene
from gate.policy.source import Place, Source

FIRST_VETO = 500
"""Log indexes of vetoes; approvals come before them (``suite.py``), so that a veto is the last word of its giver."""
_CLEARANCE, _BREAK_GLASS, _DELEGATION, _OWED = 700, 800, 50, 20
_TRAINING = re.compile(r"(.+?)(?: until (\S+))?")


def read_cases(
    source: Source, fixtures: dict[str, shapes.SceneShape], tests: list[shapes.TestShape], policy: Policy
) -> tuple[Case, ...]:
    """All tests of one policy, in the order of the file."""
    check_unique(source, "test", "tests", "name", (one.name for one in tests))
    for name in fixtures:
        probe = shapes.TestShape(name=name, expect="error", fixture=name)
        _Reader(source, policy, merge_scene(source, fixtures, probe, ("fixtures", name))).read(probe, ())
    return tuple(
        _Reader(source, policy, merge_scene(source, fixtures, one, ("tests", number))).read(one, ("tests", number))
        for number, one in enumerate(tests)
    )


class _Reader:
    """One scene; every method reads one section of it."""

    def __init__(self, source: Source, policy: Policy, scene: Scene) -> None:
        self.source, self.policy, self.scene, self.shape = source, policy, scene, scene.shape
        self.change = scene.shape.change or shapes.SceneChangeShape()
        self.now = self._now()
        self.head = self.change.head
        self.target = self.change.target or policy.branches[0].replace("*", "x")

    def read(self, test: shapes.TestShape, place: Place) -> Case:
        facts = self._facts()
        glass = self.shape.break_glass
        return Case(
            name=test.name,
            line=self.source.line_of(place),
            facts=facts,
            signings=(*self._signings(facts), *self._exemptions()),
            cosigners=tuple(glass.cosigned_by) if glass is not None else (),
            expect=Answer(test.expect),
            unmet=frozenset(test.unmet) if test.unmet is not None else None,
            level=test.level,
            until=self._instant(test.until, (*place, "until")) if test.until is not None else None,
        )

    def _facts(self) -> snapshots.Facts:
        change, directory = self.change, self.shape.directory or shapes.SceneDirectoryShape()
        people = tuple(self._person(id, one) for id, one in self.shape.people.items())
        read = self._instant(directory.read, (*self.scene.place("directory"), "read"), timedelta(seconds=10))
        delegations = self._delegations()
        vetoes = self._vetoes()
        return snapshots.Facts(
            now=self.now,
            repository=self._repository(),
            number=1,
            target=f"refs/heads/{branch_name(self.target)}",
            head=self.head,
            tree="tree",
            merge_base="base",
            merges_cleanly=not change.conflicts,
            draft=change.draft,
            change_request=change.change_request,
            revision=1,
            policy_epoch=1,
            policy_digest="",
            author=self._author(),
            paths=self._paths(),
            contributors=tuple(self._contributors()),
            people=people,
            approvals=vetoes,
            checks=tuple(self._checks()),
            labels=tuple(change.labels) if change.labels is not None else None,
            clearances=tuple(self._clearances(vetoes)),
            delegations=delegations,
            break_glass=self._break_glass(),
            owed_reviews=tuple(self._owed()),
            directory_checked_at=None if directory.error is not None else read,
            directory_error=directory.error,
        )

    def _now(self) -> datetime:
        if self.shape.now is None:
            raise self.source.error(
                self.scene.place("change"), "The test does not say `now`.", 'Write now: "2026-07-01T12:00:00Z" in base.'
            )
        return self._parse(self.shape.now, self.scene.place("now"))

    def _parse(self, text: str, place: Place) -> datetime:
        try:
            return parse_instant(text)
        except ValueError as error:
            raise self.source.error(
                place, f"`{text}` is not an instant.", 'Write it in UTC and quotes: "2026-07-01T12:00:00Z".'
            ) from error

    def _instant(self, text: str | None, place: Place, ago: timedelta = timedelta()) -> datetime:
        return self.now - ago if text is None else self._parse(text, place)

    def _known(self, id: str, place: Place) -> str:
        check_declared(self.source, place, "person", id, self.shape.people)
        return id

    def _name(self, id: str) -> str:
        return self.shape.people[id].name or id.capitalize()

    def _role(self, text: str, place: Place) -> tuple[str, str | None]:
        name, _, team = text.partition(":")
        check_declared(self.source, place, "role", name, (role.name for role in self.policy.roles))
        if self.policy.role(name).is_per_team and not team:
            raise self.source.error(place, f"`{name}` is a role per team.", f"Write {name}:<team>.")
        if team and not self.policy.role(name).is_per_team:
            raise self.source.error(place, f"`{name}` is not a role per team.", f"Write {name}.")
        return name, team or None

    def _person(self, id: str, one: shapes.ScenePersonShape) -> snapshots.PersonFacts:
        place = self.scene.place(f"people/{id}")
        held = [self._role(text, (*place, "roles", at)) for at, text in enumerate(one.roles)]
        sponsor = self._known(one.sponsor, (*place, "sponsor")) if one.sponsor is not None else None
        return snapshots.PersonFacts(
            id=id,
            login=id,
            name=one.name or id.capitalize(),
            state="active" if one.state == "active" else "unknown" if one.state == "missing" else "inactive",
            state_reasons=() if one.state == "active" else (one.state,),
            team=one.team,
            entity=one.entity,
            department=one.department,
            roles=tuple(snapshots.RoleHeld(role=role, team=team) for role, team in held),
            trainings=tuple(self._training(text, (*place, "training", at)) for at, text in enumerate(one.training)),
            terms=tuple(one.terms),
            robot=one.kind == "robot",
            sponsor=sponsor,
        )

    def _training(self, text: str, place: Place) -> snapshots.TrainingHeld:
        fits = _TRAINING.fullmatch(text)
        code, until = (fits[1], fits[2]) if fits is not None else (text, None)
        return snapshots.TrainingHeld(
            code=code,
            valid_until=self._parse(until, place) if until else None,
            as_of=date(self.now.year, self.now.month, 1),
            source="register",
        )

    def _repository(self) -> snapshots.RepositoryFacts:
        one = self.shape.repository or shapes.SceneRepositoryShape()
        return snapshots.RepositoryFacts(
            id=one.id or self.policy.repositories[0].replace("*", "example"),
            mode="enforce",
            owning_teams=tuple(one.owning_teams) or ("owners",),
            protected=(branch_name(self.target),),
            entity=one.entity,
        )

    def _author(self) -> str | None:
        return self._known(self.change.author, self._changed("author")) if self.change.author is not None else None

    def _changed(self, key: str) -> Place:
        return (*self.scene.place("change"), key)

    def _paths(self) -> tuple[snapshots.PathFacts, ...]:
        names, old = list(self.change.paths), self.change.renamed_from
        if len(old) > len(names):
            raise self.source.error(
                self._changed("renamed_from"), "There are more old names than paths.", "Write one for each path."
            )
        while names and self.change.files is not None and len(names) < self.change.files:
            names.append(str(PurePosixPath(names[0]).parent / f"file-{len(names) + 1}"))
        lines = self.change.lines
        counts = [None if lines is None else lines if at == 0 else 0 for at in range(len(names))]
        renamed = [*old, *[None] * (len(names) - len(old))]
        return tuple(
            snapshots.PathFacts(
                path=name,
                old_path=before,
                status="R" if before else "M",
                added=added,
                deleted=None if added is None else 0,
            )
            for name, before, added in zip(names, renamed, counts, strict=True)
        )

    def _contributors(self) -> Iterable[snapshots.ContributorFacts]:
        change = self.change
        authors = change.contributors if change.contributors is not None else [change.author] if change.author else []
        pushers = change.pushers or ([change.author] if change.author else [])
        for part, key, ids in (
            ("author", "contributors", authors),
            ("co-author", "co_authors", change.co_authors),
            ("pusher", "pushers", pushers),
        ):
            for at, id in enumerate(ids):
                known = self._known(id, (*self._changed(key), at))
                how = "login" if part == "pusher" else "mail"
                yield snapshots.ContributorFacts(
                    part=part, address=f"{id}@example.com", person=known, how=how, revisions=(1,)
                )
        for number in range(change.unattributed):
            yield snapshots.ContributorFacts(
                part="author", address=f"stranger-{number + 1}@example.net", person=None, how="unknown", revisions=(1,)
            )

    def _signings(self, facts: snapshots.Facts) -> Iterable[Signing]:
        for at, one in enumerate(self.shape.approvals):
            place = (*self.scene.place("approvals"), at)
            role, team = self._role(one.role, (*place, "as")) if one.role is not None else (None, None)
            if one.on_behalf_of is not None:
                self._known(one.on_behalf_of, (*place, "for"))
                role, team = (role, team) if role else self._delegated(facts, one, place)
            if one.meaning is not None:
                check_declared(
                    self.source, (*place, "meaning"), "meaning", one.meaning, (each.id for each in self.policy.meanings)
                )
            yield Signing(
                person=self._known(one.by, (*place, "by")),
                role=role,
                team=team,
                meaning=one.meaning,
                head=one.head or self.head,
                target=f"refs/heads/{branch_name(one.target)}" if one.target else facts.target,
                signed_at=self._instant(one.at, (*place, "at"), timedelta(hours=1)),
                expires_at=self._instant(one.expires, (*place, "expires")) if one.expires else None,
                on_behalf_of=one.on_behalf_of,
                kind=one.kind,
                carried_from=one.carried_from,
                carried_by=one.carried_by,
                under_earlier_policy=one.policy == "earlier",
            )

    def _delegated(
        self, facts: snapshots.Facts, one: shapes.SceneApprovalShape, place: Place
    ) -> tuple[str, str | None]:
        for given in facts.delegations:
            if (given.giver, given.receiver) == (one.on_behalf_of, one.by):
                return given.role, given.team
        raise self.source.error(
            (*place, "for"),
            f"{one.by} signs for {one.on_behalf_of}, and no delegation says as what.",
            "Add it to `delegations`, or write `as: <role>` to try it without one.",
        )

    def _exemptions(self) -> Iterable[Signing]:
        for at, one in enumerate(self.shape.exemptions):
            place = (*self.scene.place("exemptions"), at)
            check_declared(
                self.source, (*place, "freeze"), "freeze", one.freeze, (freeze.id for freeze in self.policy.freezes)
            )
            yield Signing(
                person=self._known(one.by, (*place, "by")),
                head=one.head or self.head,
                target=f"refs/heads/{branch_name(self.target)}",
                signed_at=self._instant(one.at, (*place, "at"), timedelta(hours=1)),
                freeze=one.freeze,
            )

    def _vetoes(self) -> tuple[snapshots.ApprovalFacts, ...]:
        found = []
        for at, one in enumerate(self.shape.vetoes):
            place = (*self.scene.place("vetoes"), at)
            self._known(one.by, (*place, "by"))
            role, team = self._role(one.role, (*place, "as")) if one.role else self._veto_role(one, place)
            found.append(
                snapshots.ApprovalFacts(
                    index=FIRST_VETO + at,
                    act="reject",
                    person=one.by,
                    name=self._name(one.by),
                    role=role,
                    team=team,
                    meaning=self.policy.meanings[0].id,
                    head=one.head or self.head,
                    target=f"refs/heads/{branch_name(self.target)}",
                    policy_digest="",
                    signed_at=self._instant(one.at, (*place, "at"), timedelta(minutes=30)),
                )
            )
        return tuple(found)

    def _veto_role(self, one: shapes.SceneVetoShape, place: Place) -> tuple[str, str | None]:
        held = [self._role(text, place) for text in self.shape.people[one.by].roles]
        vetoing = self.policy.veto.roles if self.policy.veto is not None else ()
        chosen = next((role for role in held if role[0] in vetoing), held[0] if held else None)
        if chosen is None:
            raise self.source.error(place, f"{one.by} holds no role to reject in.", "Write `as: <role>`.")
        return chosen

    def _clearances(self, vetoes: tuple[snapshots.ApprovalFacts, ...]) -> Iterable[snapshots.ClearanceFacts]:
        for at, one in enumerate(self.shape.clearances):
            place = (*self.scene.place("clearances"), at)
            given = next((veto.index for veto in vetoes if veto.person == one.veto_of), None)
            if given is None:
                raise self.source.error(
                    (*place, "veto_of"), f"`{one.veto_of}` gives no veto here.", "Name somebody of `vetoes`."
                )
            role, team = self._role(one.role, (*place, "as"))
            yield snapshots.ClearanceFacts(
                index=_CLEARANCE + at,
                veto=given,
                person=self._known(one.by, (*place, "by")),
                name=self._name(one.by),
                role=role,
                team=team,
                signed_at=self.now - timedelta(minutes=15),
            )

    def _delegations(self) -> tuple[snapshots.DelegationFacts, ...]:
        found = []
        for at, one in enumerate(self.shape.delegations):
            place = (*self.scene.place("delegations"), at)
            role, team = self._role(one.role, (*place, "role"))
            until = self._instant(one.until, (*place, "until"))
            day_before = min(self.now, until) - timedelta(days=1)
            found.append(
                snapshots.DelegationFacts(
                    index=_DELEGATION + at,
                    giver=self._known(one.giver, (*place, "from")),
                    receiver=self._known(one.receiver, (*place, "to")),
                    role=role,
                    team=team,
                    starts_at=self._parse(one.starts, (*place, "starts")) if one.starts else day_before,
                    ends_at=until,
                )
            )
        return tuple(found)

    def _break_glass(self) -> snapshots.BreakGlassFacts | None:
        one, declared = self.shape.break_glass, self.policy.break_glass
        if one is None:
            return None
        place = self.scene.place("break_glass")
        if declared is None:
            raise self.source.error(place, "The policy has no `break_glass`.", "Add it, or remove it from the test.")
        for at, id in enumerate(one.cosigned_by):
            self._known(id, (*place, "cosigned_by", at))
        return snapshots.BreakGlassFacts(
            index=_BREAK_GLASS,
            person=self._known(one.by, (*place, "by")),
            name=self._name(one.by),
            role=declared.invoker,
            code=one.code,
            incident=one.incident,
            reason_chars=len(one.reason),
            head=one.head or self.head,
            target=f"refs/heads/{branch_name(self.target)}",
            policy_digest="",
            invoked_at=self._instant(one.at, (*place, "at"), timedelta(minutes=10)),
        )

    def _owed(self) -> Iterable[snapshots.OwedReviewFacts]:
        for at, one in enumerate(self.shape.owed_reviews):
            due = self._instant(one.due, (*self.scene.place("owed_reviews"), at, "due"))
            yield snapshots.OwedReviewFacts(index=_OWED + at, number=one.number, due_at=due)

    def _checks(self) -> Iterable[snapshots.CheckFacts]:
        for at, one in enumerate(self.shape.checks):
            person = self._known(one.person, (*self.scene.place("checks"), at, "person")) if one.person else None
            yield snapshots.CheckFacts(
                name=one.name,
                head=one.head or self.head,
                outcome=one.outcome,
                reporter=one.reporter,
                reporter_person=person,
                reported_at=self.now - timedelta(minutes=5),
            )
