"""What a pack does not prove, said in the pack itself."""

from __future__ import annotations

from collections.abc import Iterable

DEMO = "DEMO:"
"""Begins the limit of a pack whose gate is a demonstration; its cover and every footer then say so too."""

LIMITS = (
    "Changes to repositories and branches that are not listed in the scope are not in this pack.",
    "Times are the clock of the gate. No time-stamp authority has confirmed them.",
    (
        "The gate checked each signer against the directory and vouches for it by its own key; "
        "whoever holds that key and the database together could have written entries of their own."
    ),
    (
        "Relative to a checkpoint that somebody else kept (an earlier pack, a witness) no entry can have been "
        "changed, removed or reordered. Without one, this pack proves only that it agrees with itself."
    ),
    (
        "The log holds entries of other repositories and of the gate itself. This pack opens only those it rests on; "
        "the whole log is checked by “gate audit”."
    ),
    (
        "The number of commits on a branch must be counted on the auditor's own clone; "
        "the number printed here was counted by the gate on its mirror."
    ),
    (
        "A branch is accounted for from the first commit printed to the last one. That nothing landed before or after "
        "them is seen by comparing them with the neighbouring packs and with the branch in the auditor's clone."
    ),
    "That a person read what they signed is not proven; it is recorded what was shown.",
)


def find_demo_notice(limits: Iterable[str]) -> str | None:
    """The sentence that says that the gate is a demonstration, if it is one."""
    return next((limit for limit in limits if limit.startswith(DEMO)), None)
