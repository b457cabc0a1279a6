"""Changed policies for the demo's story, and by hand what each must flip: who signed what stands in ``story.py``.

What is here was written from the story alone, contribution by contribution, and nothing of it is computed by the gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gate.demo.organisation import GROUPS
from gate.demo.story import DROPPED, GIVEN, LACKS_ONE, NO_TERMS, STALE, TAKEN_BACK, TO_LAND, VETOED
from tests.support.suites import with_tests

DEVICES, SHARED, REGISTRY = "device-software.yaml", "shared-software.yaml", "repositories.yaml"
DECIDED = 23
DROPPED_NAME = "dose-engine#6"
"""The story's summary leaves out what was dropped; it was the sixth of its repository."""

APPROVED, PENDING, BLOCKED, REJECTED, ERROR = "approved", "pending", "blocked", "rejected", "error"
STATUS, RATES, LINK = (
    "dose-engine/CR-1001-pump-status", "dose-engine/CR-1007-rate-table", "dose-engine/CR-1023-lab-link",
)  # fmt: skip
ANALYSER, IMAGING = "lab-connect/CR-1003-analyser", "lab-connect/CR-1026-imaging"
CONTRAST, FONTS, ICONS = "design-system/contrast", "design-system/deps-22", "design-system/alarm-icons"
BY_ONE_OWNER = (STATUS, LINK, ANALYSER, IMAGING, GIVEN)

Flips = dict[str, tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """``edits`` are (file, old, new). ``flips`` are by topic; ``landed`` more, once ``TO_LAND`` was signed by two."""

    name: str
    edits: tuple[tuple[str, str, str], ...]
    flips: Flips
    landed: Flips
    not_landed: Flips

    def write(self, before: Path, to: Path) -> Path:
        """The changed files, in a folder of their own."""
        to.mkdir()
        for path in before.glob("*.yaml"):
            text = path.read_text(encoding="utf-8")
            for file, old, new in self.edits:
                if file == path.name:
                    assert old in text, f"{file} does not say {old!r}"
                    text = text.replace(old, new)
            (to / path.name).write_text(text, encoding="utf-8")
        return to

    def write_tested(self, before: Path, to: Path) -> dict[str, str]:
        """The texts by name, with tests made for what they say now: otherwise nobody may propose them."""
        files = {path.name: path.read_text(encoding="utf-8") for path in self.write(before, to).iterdir()}
        return {name: with_tests(text.partition("fixtures:\n")[0]) for name, text in sorted(files.items())}

    def expected(self, has_landed: bool) -> Flips:
        return self.flips | (self.landed if has_landed else self.not_landed)


def _change(
    name: str,
    *edits: tuple[str, str, str],
    flips: Flips | None = None,
    landed: Flips | None = None,
    not_landed: Flips | None = None,
) -> Change:
    return Change(name=name, edits=edits, flips=flips or {}, landed=landed or {}, not_landed=not_landed or {})


_BOTH = "    require: [{role: maintainer, of: each_owning_team, count: 1, meaning: technical-review}]"
UNCHANGED = _change("unchanged")
COMMENTED = _change(
    "comment",
    (DEVICES, "# Software of the devices", "# Reviewed in November.\n# Software of the devices"),
    (DEVICES, "name: an owner is enough", "name: one owner is enough"),
    (SHARED, "description: A maintainer of the owning team", "description: Some maintainer of the owning team"),
)
MORE_PEOPLE = _change(
    "count",
    (DEVICES, _BOTH, _BOTH.replace("count: 1", "count: 2")),
    flips=dict.fromkeys((*BY_ONE_OWNER, RATES), (APPROVED, PENDING)),
    landed={TO_LAND: (APPROVED, PENDING)},
)
ALSO_QUALITY = _change(  # Grace signed the rates, and whoever lands the bolus has her signature too
    "role",
    (DEVICES, 'paths: ["src/dose/**", "src/limits/**"]', 'paths: ["**"]'),
    flips=dict.fromkeys(BY_ONE_OWNER, (APPROVED, PENDING)),
)
LOOSER = _change(
    "looser",
    (DEVICES, _BOTH, _BOTH.replace("each_owning_team", "any_owning_team")),
    (DEVICES, "  - {id: terms-accepted, for: [contributors], terms: inner-source}\n", ""),
    (DEVICES, "veto: {roles: [maintainer, qa], survives_push: true}\n", ""),
    flips={LACKS_ONE: (PENDING, APPROVED), NO_TERMS: (BLOCKED, PENDING), VETOED: (REJECTED, PENDING)},
)
NOTHING_APPLIES = _change(  # what is out of scope stays so, and what could not be decided stays an error
    "nothing",
    (DEVICES, "when: {cross_team: true}", 'when: {paths: ["nowhere/**"]}'),
    (DEVICES, 'paths: ["src/dose/**", "src/limits/**"]', 'paths: ["nowhere/**"]'),
    flips={
        **dict.fromkeys((*BY_ONE_OWNER, RATES), (APPROVED, ERROR)),
        **dict.fromkeys((DROPPED, LACKS_ONE, STALE, TAKEN_BACK), (PENDING, ERROR)),
        VETOED: (REJECTED, ERROR),
        NO_TERMS: (BLOCKED, ERROR),
    },
    landed={TO_LAND: (APPROVED, ERROR)},
    not_landed={TO_LAND: (PENDING, ERROR)},
)
UNREGISTERED = _change(
    "unregistered",
    (REGISTRY, "  - id: design-system\n", "  - id: another-system\n"),
    (SHARED, "repositories: [device-cloud, design-system]", "repositories: [device-cloud, another-system]"),
    flips={CONTRAST: (PENDING, ERROR), FONTS: (APPROVED, ERROR), ICONS: (PENDING, ERROR)},
)
CHANGES = (UNCHANGED, COMMENTED, MORE_PEOPLE, ALSO_QUALITY, LOOSER, NOTHING_APPLIES, UNREGISTERED)
ACTIVATION = f"""\
activation:
  propose: {{group: "cn=change-board,{GROUPS}"}}
  approve: {{group: "cn=qa-approvers,{GROUPS}", count: 1, meaning: I approve this change of the rules.}}
"""
