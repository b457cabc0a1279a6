"""Reading the settings: the file, then ``GATE_*`` over it, checked, resolved, frozen.

``GATE_DATABASE_URL`` is ``database.url``: the key's path, upper case, joined by ``_``; single values
only, no lists; an empty variable is none. An unknown key or variable refuses to start and is named
with its nearest valid neighbour. Relative paths are those of the instance directory.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import TypeAdapter, ValidationError

from gate.domain.errors import InputError
from gate.settings.model import DatabaseSettings, DirectorySettings, Settings

FILE = "gate.toml"
# Variables of other programs of ours that share the prefix (CI check, git hook, CLI, tests).
FOREIGN = frozenset(
    f"GATE_{name}" for name in ("INSTANCE", "PUSHER", "REPOSITORY", "SERVER", "SHA", "TARGET", "TOKEN", "VECTORS")
)


def load_settings(instance: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of ``instance``. A missing file means all defaults; anything wrong is ``InputError``."""
    instance = instance.absolute()
    return _build(_Source.read(instance / FILE), instance, environ)


def _build(source: _Source, instance: Path, environ: Mapping[str, str]) -> Settings:
    _refuse_unknown(Settings, source.data, (), source)
    data = _overlay(source, environ)
    try:
        settings = TypeAdapter(Settings).validate_python({**data, "instance": instance})
    except ValidationError as error:
        raise _explain(error, source, environ) from error
    settings = _resolve(settings, instance)
    _check_together(settings, source)
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A parsed file and its text, to tell lines."""

    file: str
    text: str
    data: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> _Source:
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The settings cannot be read: {error}.", file=str(path)) from error
        try:
            return cls(file=str(path), text=text, data=tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            number = int(line[1]) if line else None
            raise InputError(f"This is not TOML: {error}.", file=str(path), line=number) from error

    def error(self, message: str, path: tuple[str, ...], remedy: str = "") -> InputError:
        field_name = ".".join(path)
        return InputError(message, file=self.file, line=self._line(path), field=field_name, remedy=remedy)

    def _line(self, path: tuple[str, ...]) -> int | None:
        """Where the key or table stands: tomllib keeps no positions, so it is looked for."""
        table = re.escape(".".join(path))
        key = re.escape(path[-1])
        inside: tuple[str, ...] = ()
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line):
                inside = tuple(part.strip() for part in header[1].split("."))
                if re.fullmatch(table, header[1]):
                    return number
            elif inside == path[:-1] and re.match(rf'\s*"?{key}"?\s*=', line):
                return number
        return None


def _sections(kind: type) -> dict[str, Any]:
    """Key → its dataclass, or None for a plain value. Lists of tables give the dataclass of an item."""
    hints = get_type_hints(kind)
    named = [item.name for item in fields(kind) if item.name != "instance"]
    inner = {name: (hints[name], *get_args(hints[name])) for name in named}
    return {name: next((part for part in kinds if is_dataclass(part)), None) for name, kinds in inner.items()}


def _refuse_unknown(kind: type, data: Mapping[str, Any], path: tuple[str, ...], source: _Source) -> None:
    """Names the first key that is none of ours, and the valid key it is nearest to."""
    sections = _sections(kind)
    for key, value in data.items():
        here = (*path, key)
        if key not in sections:
            raise source.error(f"Unknown setting {'.'.join(here)}.", here, _nearest(key, sections))
        inner = sections[key]
        for item in value if isinstance(value, list) else [value]:
            if inner is not None and isinstance(item, Mapping):
                _refuse_unknown(inner, item, here, source)


def _nearest(key: str, valid: Mapping[str, Any]) -> str:
    near = get_close_matches(key, valid, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"Valid here: {', '.join(sorted(valid))}."


def _variables(kind: type = Settings, path: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every variable and the key it sets. Lists and tables of the file's author have none."""
    hints = get_type_hints(kind)
    for name, inner in _sections(kind).items():
        here = (*path, name)
        if getattr(hints[name], "__origin__", hints[name]) in (tuple, Mapping):
            continue
        if inner is None:
            yield "GATE_" + "_".join(here).upper(), here
        else:
            yield from _variables(inner, here)


def _overlay(source: _Source, environ: Mapping[str, str]) -> dict[str, Any]:
    """The file's values with ``GATE_*`` laid over them."""
    data = dict(source.data)
    known = dict(_variables())
    for variable in sorted(environ):
        if not environ[variable] or not _is_ours(variable):
            continue
        if variable not in known:
            raise InputError(f"Unknown setting {variable}.", field=variable, remedy=_nearest(variable, known))
        _put(data, known[variable], environ[variable], source)
    return data


def _is_ours(variable: str) -> bool:
    return variable.startswith("GATE_") and variable not in FOREIGN and not variable.startswith("GATE_TEST_")


def _put(data: dict[str, Any], path: tuple[str, ...], value: str, source: _Source) -> None:
    """Sets one value; tables on the way are copied, so that what was read stays as it was."""
    key, *rest = path
    if not rest:
        data[key] = value
        return
    table = data.get(key, {})
    if not isinstance(table, Mapping):
        raise source.error(f"{key} must be a table.", (key,))
    data[key] = dict(table)
    _put(data[key], tuple(rest), value, source)


def _explain(error: ValidationError, source: _Source, environ: Mapping[str, str]) -> InputError:
    """The first complaint, in the words of the file or of the variable it came from. Never the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    path = tuple(str(part) for part in first["loc"] if isinstance(part, str))
    variable = "GATE_" + "_".join(path).upper()
    if variable in environ:
        return InputError(f"{variable}: {first['msg']}.", field=variable)
    return source.error(f"{'.'.join(path)}: {first['msg']}.", path)


D = TypeVar("D")


def _resolve(value: D, instance: Path) -> D:
    """Makes every path absolute and every mapping read-only, all the way down."""
    resolved: Any = value
    if isinstance(value, DatabaseSettings) and (found := re.fullmatch(r"sqlite:///([^/?:][^?]*)(\?.*)?", value.url)):
        resolved = replace(value, url=f"sqlite:///{os.path.normpath(instance / found[1])}{found[2] or ''}")
    elif isinstance(value, Path):
        resolved = Path(os.path.normpath(instance / value.expanduser()))
    elif isinstance(value, tuple):
        resolved = tuple(_resolve(item, instance) for item in value)
    elif isinstance(value, Mapping):
        resolved = MappingProxyType(dict(value))
    elif is_dataclass(value) and not isinstance(value, type):
        parts = {item.name: _resolve(getattr(value, item.name), instance) for item in fields(value)}
        resolved = replace(value, **parts)
    return resolved  # type: ignore[no-any-return]


def _check_together(settings: Settings, source: _Source) -> None:
    """What no single key can tell: zone, password in a URL, a directory's needed keys, production."""
    try:
        ZoneInfo(settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise source.error(f"time_zone: no such zone {settings.time_zone!r}.", ("time_zone",)) from error
    if re.match(r"[^/]+//[^/@]*:[^/@]*@", settings.database.url) or "password=" in settings.database.url:
        raise source.error(
            "database.url holds a password.", ("database", "url"), "Name a password file by ?passfile= instead."
        )
    if len({forge.name for forge in settings.forges}) < len(settings.forges):
        raise source.error("Two forges have one name.", ("forges",), "Give each a name of its own.")
    missing = _missing_for(settings.directory)
    if missing:
        kind = settings.directory.kind
        raise source.error(f"directory.{missing} is needed when directory.kind is {kind}.", ("directory", missing))
    if settings.production:
        _check_production(settings, source)


def _missing_for(directory: DirectorySettings) -> str | None:
    """The first key that this kind of directory cannot do without."""
    needed = {
        "ldif": ("ldif_file",),
        "ldap": ("servers", "bind_dn", "bind_password_file", "people_base", "groups_base"),
    }
    return next((name for name in needed[directory.kind] if not getattr(directory, name)), None)


def _check_production(settings: Settings, source: _Source) -> None:
    """Production means a real directory and pages over TLS."""
    if settings.directory.kind == "ldif":
        raise source.error("A directory from a file is refused in production.", ("directory", "kind"), "Use ldap.")
    if not settings.base_url.startswith("https://"):
        raise source.error("base_url must be https in production.", ("base_url",))
