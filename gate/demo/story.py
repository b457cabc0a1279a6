"""What happened at Aster Medical in the last 90 days: plain data, told in order by ``play.py``.

``at`` is days before now. A topic is ``<repository>/<topic>``; pushing to it again makes another
revision. ``then`` is the answer the gate must give afterwards: a story that turns out otherwise
stops the demo, as it would show a fault.
"""

from __future__ import annotations

from dataclasses import dataclass

BEGIN = 91.0
APPROVED, PENDING, REJECTED, BLOCKED, ERROR = "approved", "pending", "rejected", "blocked", "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A commit pushed to ``contrib/main/<topic>``. ``by`` is a login; ``author`` writes it, if another."""

    at: float
    topic: str
    by: str
    title: str
    path: str
    also: str = ""
    author: str = ""
    co_author: str = ""
    then: str = PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    at: float
    topic: str
    by: str
    act: str = "approve"
    reason: str = ""
    then: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Land:
    at: float
    topic: str
    by: str
    is_merge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """The contribution's branch is deleted."""

    at: float
    topic: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bypass:
    """A push to main while the hook is switched off."""

    at: float
    repository: str
    by: str
    title: str
    path: str


Event = Push | Sign | Land | Drop | Bypass

ROBOT = "dependency-bot"
STRANGER = "Sam Doe <sam@contractor.example>"
BEFORE = {  # what main held before the gate came
    "dose-engine": {"README.md": "# Dose engine\n", "src/dose/rate.py": "RATE = 1\n"},
    "lab-connect": {"README.md": "# Lab connect\n", "src/results.py": "RESULTS = ()\n"},
    "device-cloud": {"README.md": "# Device cloud\n", "src/fleet.py": "FLEET = ()\n"},
    "design-system": {"README.md": "# Design system\n", "tokens/colour.css": ":root {}\n"},
}
FOUNDERS = {"dose-engine": "mara", "lab-connect": "anna", "device-cloud": "david", "design-system": "clara"}

TO_LAND = "dose-engine/CR-1050-limit-bolus"
LACKS_ONE = "dose-engine/CR-1042-alarm-channel"
STALE = "dose-engine/CR-1044-unit-labels"
VETOED = "dose-engine/CR-1015-fast-start"
GIVEN = "lab-connect/CR-1047-retry-upload"
NO_TERMS = "lab-connect/CR-1048-batch-import"
UNKNOWN_AUTHOR = "lab-connect/CR-1051-csv-export"
DROPPED = "dose-engine/CR-1018-colours"
TAKEN_BACK = "lab-connect/CR-1030-round-values"

STORY: tuple[Event, ...] = (
    # Dose engine: enforced; quality signs what computes or limits a dose.
    Push(at=84, topic="dose-engine/CR-1001-pump-status", by="noor", title="Publish pump status", path="src/status.py"),
    Sign(at=83, topic="dose-engine/CR-1001-pump-status", by="mara", reason="Read it with Noor.", then=APPROVED),
    Land(at=82.9, topic="dose-engine/CR-1001-pump-status", by="mara"),
    Push(at=76, topic="dose-engine/CR-1007-rate-table", by="priya", title="Finer rate table", path="src/dose/table.py"),
    Sign(at=75, topic="dose-engine/CR-1007-rate-table", by="lucia", then=PENDING),
    Sign(at=74.5, topic="dose-engine/CR-1007-rate-table", by="grace", reason="Protocol V-113 passed.", then=APPROVED),
    Push(at=70, topic="dose-engine/handbook", by="tomas", title="Handbook", path="docs/handbook.md", then=APPROVED),
    Land(at=69.9, topic="dose-engine/handbook", by="tomas"),
    Land(at=69.5, topic="dose-engine/CR-1007-rate-table", by="lucia", is_merge=True),
    Push(at=62, topic="dose-engine/deps-62", by=ROBOT, title="Update libraries", path="libraries.txt", then=APPROVED),
    Land(at=61.9, topic="dose-engine/deps-62", by=ROBOT),
    Push(at=55, topic=VETOED, by="david", title="Start without self-test", path="src/start.py"),
    Sign(at=54, topic=VETOED, by="lucia", act="reject", reason="The self-test is a safety control.", then=REJECTED),
    Push(at=48, topic=DROPPED, by="yuki", title="Alarm colours", path="src/colours.py"),
    Drop(at=44, topic=DROPPED, by="yuki"),
    Push(at=33, topic="dose-engine/CR-1023-lab-link", by="kofi", title="Link to lab results", path="src/lab.py"),
    Sign(at=32, topic="dose-engine/CR-1023-lab-link", by="mara", then=APPROVED),
    Push(at=31, topic="dose-engine/CR-1023-lab-link", by="kofi", title="Link: name the ward", path="src/lab.py"),
    Sign(at=30, topic="dose-engine/CR-1023-lab-link", by="mara", reason="Looked again after the push.", then=APPROVED),
    Land(at=29.8, topic="dose-engine/CR-1023-lab-link", by="mara", is_merge=True),
    Push(at=12, topic=LACKS_ONE, by="noor", title="Alarm channel", path="protocol/alarm.proto",
         also="src/alarm.py"),
    Sign(at=11, topic=LACKS_ONE, by="omar", reason="Matches the protocol guide.", then=PENDING),
    Push(at=9, topic=STALE, by="anna", title="Unit labels", path="src/labels.py"),
    Sign(at=8, topic=STALE, by="lucia", then=APPROVED),
    Push(at=2.2, topic=STALE, by="anna", title="Unit labels in Greek", path="src/labels.py"),
    Push(at=1.1, topic=TO_LAND, by="noor", title="Limit the bolus", path="src/limits/bolus.py"),
    # Lab connect: enforced.
    Push(at=80, topic="lab-connect/CR-1003-analyser", by="mara", title="Read analyser X2", path="src/x2.py"),
    Sign(at=79, topic="lab-connect/CR-1003-analyser", by="anna", then=APPROVED),
    Land(at=78.9, topic="lab-connect/CR-1003-analyser", by="anna"),
    Bypass(at=58, repository="lab-connect", by="elena", title="Hotfix at night", path="src/hotfix.py"),
    Push(at=27, topic="lab-connect/CR-1026-imaging", by="henrik", title="Attach images", path="src/images.py",
         co_author="kofi"),
    Sign(at=26, topic="lab-connect/CR-1026-imaging", by="anna", reason="Kofi took part, so I signed.", then=APPROVED),
    Land(at=25.9, topic="lab-connect/CR-1026-imaging", by="anna", is_merge=True),
    Push(at=20, topic=TAKEN_BACK, by="sofia", title="Round values", path="src/round.py"),
    Sign(at=19, topic=TAKEN_BACK, by="anna", then=APPROVED),
    Sign(at=18, topic=TAKEN_BACK, by="anna", act="withdraw", reason="Rounds below the limit.", then=PENDING),
    Push(at=5, topic=NO_TERMS, by="marek", title="Batch import", path="src/batch.py", then=BLOCKED),
    Push(at=4, topic=GIVEN, by="clara", title="Retry uploads", path="src/upload.py"),
    Sign(at=3, topic=GIVEN, by="anna", reason="Tried on the test bench.", then=APPROVED),
    Push(at=1.5, topic=UNKNOWN_AUTHOR, by="yuki", title="CSV export", path="src/csv.py", author=STRANGER, then=ERROR),
    # Device cloud: warned only.
    Push(at=66, topic="device-cloud/pump-fleet", by="mara", title="Pumps in the fleet", path="src/pumps.py"),
    Sign(at=65, topic="device-cloud/pump-fleet", by="david", then=APPROVED),
    Land(at=64.9, topic="device-cloud/pump-fleet", by="david"),
    Push(at=40, topic="device-cloud/lab-feed", by="kofi", title="Feed of lab results", path="src/feed.py"),
    Land(at=39, topic="device-cloud/lab-feed", by="yuki"),
    Push(at=15, topic="device-cloud/rollout", by="yuki", title="Slower rollout", path="src/rollout.py", then=APPROVED),
    Land(at=14.9, topic="device-cloud/rollout", by="yuki"),
    Push(at=6, topic="device-cloud/firmware-page", by="tomas", title="Firmware page", path="src/firmware.py"),
    # Design system: observed only.
    Push(at=50, topic="design-system/contrast", by="noor", title="Higher contrast", path="tokens/contrast.css"),
    Land(at=49, topic="design-system/contrast", by="clara"),
    Push(at=22, topic="design-system/deps-22", by=ROBOT, title="Update fonts", path="package.json", then=APPROVED),
    Land(at=21.9, topic="design-system/deps-22", by=ROBOT),
    Push(at=7, topic="design-system/alarm-icons", by="priya", title="Alarm icons", path="icons/alarm.svg"),
)  # fmt: skip
