"""The sign page: roles and meanings to choose from, and the choice as one value of a form."""

from __future__ import annotations

from dataclasses import dataclass

from gate.web.present import ACT_WORDS, show_instant
from gate.workflow.sign_shown import SignChoice, SignForm


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOption:
    """A role with one meaning it may carry: chosen together, so that no pair can be wrong."""

    value: str
    role: str
    meaning: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignView:
    verb: str
    icon: str
    button: str
    choice: str
    options: tuple[SignOption, ...]
    satisfies: tuple[str, ...]


def build_sign_view(form: SignForm, name: str) -> SignView:
    verb, phrase, icon = ACT_WORDS[form.act]
    place = (form.role, form.team, form.under)
    chosen = next((one for one in form.choices if (one.role, one.team, one.under) == place), None)
    if chosen is not None and chosen.freeze is not None:
        verb, phrase = "Let through the freeze", f"let it through the freeze {chosen.freeze}"
    return SignView(
        verb=verb,
        icon=icon,
        button=f"Sign as {form.printed_name or name}: {phrase}",
        choice=write_choice(form.role, form.team, form.meaning, form.under),
        options=tuple(
            SignOption(
                value=write_choice(one.role, one.team, key, one.under),
                role=describe_role(one),
                meaning=text,
                is_chosen=one is chosen and key == form.meaning,
            )
            for one in form.choices
            for key, text in one.meanings
        ),
        satisfies=chosen.satisfies if chosen else (),
    )


def write_choice(role: str | None, team: str | None, meaning: str | None, under: str | None = None) -> str:
    """``maintainer:ledger:review``: role, team, meaning and what it is signed under as one value of a form."""
    return ":".join((role or "", team or "", meaning or "", *([under] if under else [])))


def parse_choice(choice: str | None) -> tuple[str | None, str | None, str | None, str | None]:
    """The reverse of ``write_choice``; empty parts are None."""
    role, _, rest = (choice or "").partition(":")
    team, _, rest = rest.partition(":")
    meaning, _, under = rest.partition(":")
    return role or None, team or None, meaning or None, under or None


def describe_role(choice: SignChoice) -> str:
    role = f"{choice.role} of {choice.team}" if choice.team else choice.role
    whom = f", for {choice.giver_name}" if choice.giver_name is not None else ""
    what = f": let this through the freeze {choice.freeze}" if choice.freeze is not None else ""
    until = f" (until {show_instant(choice.until)})" if choice.until is not None else ""
    return f"{role}{whom}{what}{until}"
