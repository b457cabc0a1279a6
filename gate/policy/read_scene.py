"""One scene of a test file, read: when it is, what changes, who is there. Every name is checked, every instant is UTC.

What is not said has an everyday value: a fresh directory, one changed line a path, the first repository and branch that
the policy applies to. What people do in a scene is ``read_acts.py``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import PurePosixPath

from gate.domain.clock import parse_instant
from gate.policy import facts as snapshots
from gate.policy import shape_tests as shapes
from gate.policy.document import Policy
from gate.policy.paths import branch_name, matches_any
from gate.policy.read import check_declared
from gate.policy.scenes import Scene
from gate.policy.source import Place, Source

_TRAINING = re.compile(r"(.+?)(?: until (\S+))?")


class SceneReader:
    """Every method reads one part of the scene, or helps to."""

    def __init__(self, source: Source, policy: Policy, scene: Scene) -> None:
        self.source, self.policy, self.shape, self.place = source, policy, scene.shape, scene.place
        self.change = scene.shape.change or shapes.SceneChangeShape()
        self.now = self._now()
        self.head = self.change.head
        self.target = self._target()

    def _now(self) -> datetime:
        if self.shape.now is None:
            raise self.source.error(
                self.place("change"), "The test does not say `now`.", 'Write now: "2026-07-01T12:00:00Z" in base.'
            )
        return self.parse(self.shape.now, self.place("now"))

    def _target(self) -> str:
        """The branch; a test of what does not apply there would show nothing."""
        target = self.change.target or self.policy.branches[0].replace("*", "x")
        if not matches_any(self.policy.branches, branch_name(target)):
            applies = ", ".join(self.policy.branches)
            raise self.source.error(
                self.changed("target"), f"{self.policy.id} does not apply to `{target}`.", f"It applies to {applies}."
            )
        return target

    def parse(self, text: str, place: Place) -> datetime:
        try:
            return parse_instant(text)
        except ValueError as error:
            raise self.source.error(
                place, f"`{text}` is not an instant.", 'Write it in UTC and quotes: "2026-07-01T12:00:00Z".'
            ) from error

    def instant(self, text: str | None, place: Place, ago: timedelta = timedelta()) -> datetime:
        return self.now - ago if text is None else self.parse(text, place)

    def known(self, id: str, place: Place) -> str:
        check_declared(self.source, place, "person", id, self.shape.people)
        return id

    def name_of(self, id: str) -> str:
        return self.shape.people[id].name or id.capitalize()

    def role(self, text: str, place: Place) -> tuple[str, str | None]:
        name, _, team = text.partition(":")
        check_declared(self.source, place, "role", name, (role.name for role in self.policy.roles))
        if self.policy.role(name).is_per_team and not team:
            raise self.source.error(place, f"`{name}` is a role per team.", f"Write {name}:<team>.")
        if team and not self.policy.role(name).is_per_team:
            raise self.source.error(place, f"`{name}` is not a role per team.", f"Write {name}.")
        return name, team or None

    def read_person(self, id: str, one: shapes.ScenePersonShape) -> snapshots.PersonFacts:
        place = self.place(f"people/{id}")
        held = [self.role(text, (*place, "roles", at)) for at, text in enumerate(one.roles)]
        sponsor = self.known(one.sponsor, (*place, "sponsor")) if one.sponsor is not None else None
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
            valid_until=self.parse(until, place) if until else None,
            as_of=date(self.now.year, self.now.month, 1),
            source="register",
        )

    def read_repository(self) -> snapshots.RepositoryFacts:
        one = self.shape.repository or shapes.SceneRepositoryShape()
        return snapshots.RepositoryFacts(
            id=one.id or self.policy.repositories[0].replace("*", "example"),
            mode="enforce",
            owning_teams=tuple(one.owning_teams) or ("owners",),
            protected=(branch_name(self.target),),
            entity=one.entity,
        )

    def read_author(self) -> str | None:
        return self.known(self.change.author, self.changed("author")) if self.change.author is not None else None

    def changed(self, key: str) -> Place:
        return (*self.place("change"), key)

    def read_paths(self) -> tuple[snapshots.PathFacts, ...]:
        names, old = list(self.change.paths), self.change.renamed_from
        if len(old) > len(names):
            raise self.source.error(
                self.changed("renamed_from"), "There are more old names than paths.", "Write one for each path."
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

    def read_contributors(self) -> Iterable[snapshots.ContributorFacts]:
        change = self.change
        authors = change.contributors if change.contributors is not None else [change.author] if change.author else []
        pushers = change.pushers or ([change.author] if change.author else [])
        for part, key, ids in (
            ("author", "contributors", authors),
            ("co-author", "co_authors", change.co_authors),
            ("pusher", "pushers", pushers),
        ):
            for at, id in enumerate(ids):
                known = self.known(id, (*self.changed(key), at))
                how = "login" if part == "pusher" else "mail"
                yield snapshots.ContributorFacts(
                    part=part, address=f"{id}@example.com", person=known, how=how, revisions=(1,)
                )
        for number in range(change.unattributed):
            yield snapshots.ContributorFacts(
                part="author", address=f"stranger-{number + 1}@example.net", person=None, how="unknown", revisions=(1,)
            )
