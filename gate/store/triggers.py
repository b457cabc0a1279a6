"""Triggers that make the log tables insert-only, on both engines.

They guard against accidents and careless scripts, not against whoever owns the database: that is
what checkpoints held elsewhere are for (``gate/workflow/audit.py``). Created by the migrations.
"""

from __future__ import annotations

from typing import Final

INSERT_ONLY: Final = ("log_entry", "log_tile", "log_checkpoint", "blob")
_FUNCTION: Final = "gate_insert_only"
_GUARD_FUNCTION: Final = (
    f"CREATE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
    "END $$"
)


def build_guards(dialect: str) -> tuple[str, ...]:
    """DDL statements that create the guards. ``dialect`` is ``sqlite`` or ``postgresql``."""
    if dialect == "sqlite":
        return (
            *(_sqlite(table, verb) for table in INSERT_ONLY for verb in ("UPDATE", "DELETE")),
            _sqlite("log_head", "DELETE"),
        )
    return (
        _GUARD_FUNCTION,
        *(_postgresql(table, "UPDATE OR DELETE OR TRUNCATE") for table in INSERT_ONLY),
        _postgresql("log_head", "DELETE OR TRUNCATE"),
    )


def list_guards(dialect: str) -> tuple[str, ...]:
    """The names of the triggers that must be there."""
    if dialect == "sqlite":
        both = (f"guard_{table}_{verb}" for table in INSERT_ONLY for verb in ("update", "delete"))
        return (*both, "guard_log_head_delete")
    return tuple(f"guard_{table}" for table in (*INSERT_ONLY, "log_head"))


def build_unguards(dialect: str) -> tuple[str, ...]:
    """DDL statements that take the guards away again, for a downgrade."""
    names = list_guards(dialect)
    if dialect == "sqlite":
        return tuple(f"DROP TRIGGER {name}" for name in names)
    drops = (f"DROP TRIGGER {name} ON {name.removeprefix('guard_')}" for name in names)
    return (*drops, f"DROP FUNCTION {_FUNCTION}()")


def _sqlite(table: str, verb: str) -> str:
    return (
        f"CREATE TRIGGER guard_{table}_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
    )


def _postgresql(table: str, verbs: str) -> str:
    # A statement trigger: it also sees TRUNCATE, and fires even when no row matches.
    return f"CREATE TRIGGER guard_{table} BEFORE {verbs} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()"
