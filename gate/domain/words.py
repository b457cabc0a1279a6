"""Small words of English that every room writes alike."""

from __future__ import annotations


def address_person(sentence: str, name: str) -> str:
    """What is said of somebody, said to them: "Boris Klein is on leave" is "you are on leave"."""
    parts = [part.removeprefix(f"{name} ") if part.startswith(f"{name} ") else None for part in sentence.split("; ")]
    if None in parts:
        return sentence
    verbs = {"is": "are", "has": "have", "was": "were", "does": "do", "holds": "hold"}
    spoken = []
    for part in filter(None, parts):
        verb, _, rest = part.partition(" ")
        spoken.append(f"{verbs.get(verb, verb)} {rest}")
    return f"you {'; you '.join(spoken)}"


def count_words(number: int, one: str, many: str = "") -> str:
    """ "1 policy", "2 policies": the number and the noun that fits it. ``many`` is ``one`` + s unless given."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def leave_out_answer(answer: str, summary: str) -> str:
    """A summary to stand beside its answer: without "Pending: " in front, which would say it twice."""
    rest = summary.removeprefix(f"{answer.capitalize()}: ")
    return rest[:1].upper() + rest[1:]
