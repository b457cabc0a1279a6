"""Optional conditions in CEL (`expr`): declared, typed names, checked when a file is read, an error denies.

In ``when`` an expression sees ``change``, in ``require`` also ``approver``; nothing else exists, so a misspelt name is
an error of the file. A fact that nobody recorded is left out: an expression that needs it fails, and a failure is never
taken for yes or no. The library answers a failure with a *truthy* value of type ERROR, so only a BOOL that is True is
True. It is the extra ``cel``; a file that uses ``expr`` without it is refused. Grammar and types: the Common Expression
Language specification (cel.dev), as cel-cpp implements it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

INSTALL = 'pip install "contribution-gate[cel]"'
MAX_LENGTH = 2_000

CHANGE = {
    "change.lines": "INT",
    "change.files": "INT",
    "change.paths": "LIST",
    "change.level": "STRING",
    "change.target": "STRING",
    "change.labels": "LIST",
    "change.cross_team": "BOOL",
    "change.author_entity": "STRING",
    "change.author_department": "STRING",
    "change.robot": "BOOL",
}
APPROVER = {
    "approver.person": "STRING",
    "approver.team": "STRING",
    "approver.entity": "STRING",
    "approver.department": "STRING",
    "approver.roles": "LIST",
}

Value = str | int | bool | tuple[str, ...]


class Scope(StrEnum):
    """What an expression is about, and so which names it knows."""

    WHEN = "when"
    REQUIRE = "require"

    @property
    def names(self) -> Mapping[str, str]:
        return CHANGE if self is Scope.WHEN else {**CHANGE, **APPROVER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``holds`` is None when it cannot be told; ``error`` then says why, as half a sentence."""

    holds: bool | None
    error: str = ""


def check_expression(scope: Scope, text: str) -> str | None:
    """What is wrong with an expression, as a sentence; None when it compiles to true or false."""
    try:
        _compile(scope, text)
    except _WrongError as wrong:
        return str(wrong)
    return None


def evaluate_expression(scope: Scope, text: str, values: Mapping[str, Value | None]) -> Outcome:
    """``text`` for ``values`` by declared name; a None is a fact that nobody recorded."""
    try:
        program = _compile(scope, text)
    except _WrongError as wrong:
        return Outcome(holds=None, error=str(wrong))
    cut = next((name for name, one in values.items() if _holds_nul(one)), None)
    if cut is not None:
        return Outcome(holds=None, error=f"{cut} holds a NUL character, and no text with one can be compared")
    known = {name: list(one) if isinstance(one, tuple) else one for name, one in values.items() if one is not None}
    try:
        answer = program.expression.eval(data=known)
    except (RuntimeError, ValueError, TypeError, OverflowError) as problem:
        return Outcome(holds=None, error=_first_line(problem))
    if answer.type() == program.bool_type and answer.value() in (True, False):
        return Outcome(holds=answer.value() is True)
    return Outcome(holds=None, error=_explain(str(answer.value()), values))


def _holds_nul(value: Value | None) -> bool:
    """The library takes C strings: what comes after a NUL would be left out, and two texts be equal that are not."""
    texts = value if isinstance(value, tuple) else (value,)
    return any("\0" in text for text in texts if isinstance(text, str))


def is_named(name: str, text: str) -> bool:
    """Whether ``text`` may ask for a declared name; what it surely does not ask for needs no value."""
    return name.partition(".")[2] in text


def list_names(scope: Scope) -> str:
    return ", ".join(scope.names)


class _WrongError(Exception):
    """The expression cannot be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    expression: Any
    bool_type: Any


def load_cel() -> ModuleType | None:
    """The library, or None where the extra is not installed."""
    try:
        return import_module("cel_expr_python.cel")
    except ImportError:
        return None


@lru_cache(maxsize=1024)
def _compile(scope: Scope, text: str) -> _Program:
    cel = load_cel()
    if cel is None:
        raise _WrongError(f"`expr` needs the extra `cel`, which is not installed: {INSTALL}")
    if len(text) > MAX_LENGTH:
        raise _WrongError(f"The expression has {len(text)} characters; at most {MAX_LENGTH} are read.")
    types = {"INT": cel.Type.INT, "STRING": cel.Type.STRING, "BOOL": cel.Type.BOOL}
    types["LIST"] = cel.Type.List(cel.Type.STRING)
    try:
        environment = cel.NewEnv(variables={name: types[kind] for name, kind in scope.names.items()})
        expression = environment.compile(text)
        returned = expression.return_type()
    except (RuntimeError, ValueError, TypeError) as problem:
        raise _WrongError(f"The expression cannot be used: {_first_line(problem)}") from problem
    if returned != cel.Type.BOOL:
        raise _WrongError(f"The expression gives {returned.name()}, not true or false.")
    return _Program(expression=expression, bool_type=cel.Type.BOOL)


def forget() -> None:
    """Drops what is compiled: what is installed has changed."""
    _compile.cache_clear()


def _first_line(problem: Exception) -> str:
    """The library's message without its prefixes and the drawing of the place: "undeclared reference to 'x'"."""
    line = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    return line.rpartition("<input>:")[2].partition(" ")[2].removesuffix(" (in container '')") or line


def _explain(said: str, values: Mapping[str, Value | None]) -> str:
    missing = next((name for name, one in values.items() if one is None and f'"{name}"' in said), None)
    if missing is not None:
        return f"nobody recorded {missing}"
    return said.partition(": ")[2] or said
