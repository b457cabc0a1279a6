"""Small words of English that every room writes alike."""

from __future__ import annotations

from datetime import timedelta


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


def say_span(span: timedelta) -> str:
    """ "21 days", "36 hours", "90 minutes": the largest of these that says it in whole numbers."""
    minutes = span // timedelta(minutes=1)
    sizes = ((24 * 60, "day"), (60, "hour"), (1, "minute"))
    size, word = next(one for one in sizes if minutes % one[0] == 0)
    return count_words(minutes // size, word)


def leave_out_answer(answer: str, summary: str) -> str:
    """A summary to stand beside its answer: without "Pending: " in front, which would say it twice."""
    rest = summary.removeprefix(f"{answer.capitalize()}: ")
    return rest[:1].upper() + rest[1:]
