"""``repositories.yaml`` and the set of all policy files, checked together.

A protected branch has exactly one policy: none and two are errors when the files are read, not surprises when
somebody pushes. ``policy_for`` answers None for what no policy covers, and ``evaluate`` makes an error of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gate.domain.contribution import Mode
from gate.domain.errors import InputError
from gate.policy import registry_shape as shapes
from gate.policy.activation import read_activation
from gate.policy.document import Policy
from gate.policy.effective import EffectivePolicy, build_effective
from gate.policy.layer_document import Layer
from gate.policy.layers import apply_layers
from gate.policy.parse import read_policy
from gate.policy.paths import branch_name, check_glob, glob_matches, globs_overlap, matches_any
from gate.policy.read import check_declared, check_values, read_change_request
from gate.policy.read_layer import extended_by, read_layer
from gate.policy.registered import Registry, Repository, Robot
from gate.policy.shape_errors import shape_of
from gate.policy.source import Source, parse_source


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """All that is in force together. ``policy_for`` takes a branch name or a full ref."""

    registry: Registry
    policies: tuple[Policy, ...]
    layers: tuple[Layer, ...] = ()

    def policy(self, id: str) -> Policy | None:
        return next((policy for policy in self.policies if policy.id == id), None)

    def is_protected(self, repository: str, branch: str) -> bool:
        entry = self.registry.repository(repository)
        return entry is not None and matches_any(entry.protected, branch_name(branch))

    def policy_for(self, repository: str, branch: str) -> EffectivePolicy | None:
        """The one policy for this branch with its layers; None when none (or, against all checks, several) apply."""
        entry = self.registry.repository(repository)
        if entry is None:
            return None
        name = branch_name(branch)
        fitting = [
            policy
            for policy in self.policies
            if matches_any(policy.repositories, repository) and matches_any(policy.branches, name)
        ]
        if len(fitting) != 1:
            return None
        robots = tuple(robot for robot in self.registry.robots if matches_any(robot.repositories, repository))
        return build_effective(apply_layers(fitting[0], self.layers_on(fitting[0], repository, name)), entry, robots)

    def layers_on(self, policy: Policy, repository: str, branch: str) -> tuple[Layer, ...]:
        """The layers that extend ``policy`` for this branch, by id."""
        return tuple(
            layer
            for layer in self.layers
            if layer.extends == policy.id
            and matches_any(layer.repositories, repository)
            and matches_any(layer.branches, branch_name(branch))
        )


def parse_registry(name: str, text: str | bytes) -> Registry:
    """The file of kind Repositories. Raises only ``InputError``."""
    return _read_registry(parse_source(name, text))


def build_policy_set(files: Mapping[str, str | bytes]) -> PolicySet:
    """All files of ``policies/`` (name to text), checked one by one and together. Raises only ``InputError``."""
    registries, policies, layers = [], [], []
    sources: dict[str, Source] = {}
    for name in sorted(files):
        source = parse_source(name, files[name])
        sources[name] = source
        kind = source.value.get("kind") if isinstance(source.value, dict) else None
        if kind == "Repositories":
            registries.append(_read_registry(source))
        elif kind is None or kind == "ApprovalPolicy":
            policies.append(read_policy(source))
        elif kind == "RepositoryLayer":
            layers.append(source)
        else:
            raise source.error(
                ("kind",), f"`{kind}` is not a kind of file.", "Write ApprovalPolicy, RepositoryLayer or Repositories."
            )
    registry = _one_registry(registries)
    _check_ids(policies, sources)
    read = _read_layers(layers, policies)
    _check_ids([*policies, *read], sources)
    _check_layers_meet(read, sources)
    for number in range(len(registry.repositories)):
        _check_covered(registry, number, tuple(policies), sources[registry.file])
    return PolicySet(registry=registry, policies=tuple(policies), layers=tuple(read))


def _read_layers(sources: list[Source], policies: list[Policy]) -> list[Layer]:
    """Each on the policy it extends, by id: the order in which they are applied."""
    found = []
    for source in sources:
        extends = extended_by(source)
        check_declared(source, ("metadata", "extends"), "policy", extends, (policy.id for policy in policies))
        found.append(read_layer(source, next(policy for policy in policies if policy.id == extends)))
    return sorted(found, key=lambda layer: layer.id)


def _check_layers_meet(layers: list[Layer], sources: Mapping[str, Source]) -> None:
    """Two layers on one branch have no rule or freeze of one name: a decision names rules by it."""
    for number, one in enumerate(layers):
        for other in layers[:number]:
            if not _layers_meet(one, other):
                continue
            taken = {*(rule.id for rule in other.rules), *(freeze.id for freeze in other.freezes)}
            for name in (*(rule.id for rule in one.rules), *(freeze.id for freeze in one.freezes)):
                if name in taken:
                    section = "rules" if any(rule.id == name for rule in one.rules) else "freezes"
                    raise sources[one.file].error(
                        (section,),
                        f"`{name}` is also in the layer {other.id} ({other.file}), and both apply to one branch.",
                        "Give one of them another name.",
                    )


def _layers_meet(one: Layer, other: Layer) -> bool:
    return (
        one.extends == other.extends
        and any(globs_overlap(left, right) for left in one.repositories for right in other.repositories)
        and any(globs_overlap(left, right) for left in one.branches for right in other.branches)
    )


def _one_registry(registries: list[Registry]) -> Registry:
    if not registries:
        raise InputError(
            "No file of kind Repositories is among the policies.",
            file="repositories.yaml",
            line=1,
            remedy="Add repositories.yaml with `kind: Repositories`.",
        )
    if len(registries) > 1:
        raise InputError(
            f"{registries[0].file} is already the file of kind Repositories.",
            file=registries[1].file,
            line=1,
            remedy="Put all repositories into one of them.",
        )
    return registries[0]


def _check_ids(policies: Sequence[Policy | Layer], sources: Mapping[str, Source]) -> None:
    seen: dict[str, str] = {}
    for policy in policies:
        if policy.id in seen:
            raise sources[policy.file].error(
                ("metadata", "id"),
                f"{seen[policy.id]} already has the id `{policy.id}`.",
                "Give each policy and layer its own id.",
            )
        seen[policy.id] = policy.file


def _check_covered(registry: Registry, number: int, policies: tuple[Policy, ...], source: Source) -> None:
    """Every protected branch of one repository has exactly one policy."""
    entry = registry.repositories[number]
    mine = [policy for policy in policies if matches_any(policy.repositories, entry.id)]
    for at, protected in enumerate(entry.protected):
        place = ("repositories", number, "protected", at)
        touching = [policy for policy in mine if any(globs_overlap(glob, protected) for glob in policy.branches)]
        if len(touching) > 1:
            raise source.error(
                place,
                f"Two policies apply to `{protected}` of `{entry.id}`: "
                f"{touching[0].id} ({touching[0].file}) and {touching[1].id} ({touching[1].file}).",
                "Narrow `applies_to` of one of them.",
            )
        if not touching or not any(glob_matches(glob, protected) for glob in touching[0].branches):
            raise source.error(
                place,
                f"No policy covers the protected branch `{protected}` of `{entry.id}`.",
                "Add it to `applies_to` of a policy, or stop protecting it.",
            )


def _read_registry(source: Source) -> Registry:
    found = shape_of(shapes.RepositoriesShape, source)
    check_values(source)
    _check_unique_repositories(source, found)
    repositories = tuple(_read_repository(source, number, one) for number, one in enumerate(found.repositories))
    robots = tuple(_read_robot(source, number, one) for number, one in enumerate(found.robots))
    _check_unique_robots(source, robots)
    return Registry(
        file=source.name,
        repositories=repositories,
        robots=robots,
        activation=read_activation(source, found.activation),
    )


def _check_unique_repositories(source: Source, found: shapes.RepositoriesShape) -> None:
    seen: dict[str, int] = {}
    for number, one in enumerate(found.repositories):
        if one.id in seen:
            first = source.line_of(("repositories", seen[one.id]))
            raise source.error(
                ("repositories", number, "id"),
                f"The repository `{one.id}` is registered twice, first on line {first}.",
                "Keep one.",
            )
        seen[one.id] = number


def _read_repository(source: Source, number: int, one: shapes.RepositoryShape) -> Repository:
    place = ("repositories", number)
    for at, glob in enumerate(one.protected):
        if (wrong := check_glob(glob)) is not None:
            raise source.error((*place, "protected", at), f"`{glob}` is not usable: {wrong}.")
    return Repository(
        id=one.id,
        url=one.url,
        title=one.title,
        description=one.description,
        protected=tuple(one.protected),
        owning_teams=tuple(dict.fromkeys(one.owning_teams)),
        mode=Mode(one.mode),
        contact=one.contact,
        hook=one.hook,
        change_request=read_change_request(source, (*place, "change_request"), one.change_request),
        entity=one.entity,
    )


def _read_robot(source: Source, number: int, one: shapes.RobotShape) -> Robot:
    place = ("robots", number)
    if one.login is None and one.address is None:
        raise source.error(
            place,
            f"The robot `{one.name}` has neither `login` nor `address`: nothing to know it by.",
            "Add `login:` as the git server reports it, or `address:` of its commits.",
        )
    if one.login is not None and one.login.casefold() == one.sponsor.casefold():
        raise source.error(
            (*place, "sponsor"), f"The robot `{one.name}` is its own sponsor.", "Name the person who answers for it."
        )
    for at, glob in enumerate(one.repositories):
        if (wrong := check_glob(glob)) is not None:
            raise source.error((*place, "repositories", at), f"`{glob}` is not usable: {wrong}.")
    return Robot(
        name=one.name, sponsor=one.sponsor, login=one.login, address=one.address, repositories=tuple(one.repositories)
    )


def _check_unique_robots(source: Source, robots: tuple[Robot, ...]) -> None:
    seen: set[str] = set()
    for number, robot in enumerate(robots):
        for known in {text.casefold() for text in (robot.login, robot.address) if text is not None}:
            if known in seen:
                raise source.error(
                    ("robots", number),
                    f"Another robot is already known by `{known}`.",
                    "Each login and address belongs to one robot.",
                )
            seen.add(known)
