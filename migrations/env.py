"""Alembic's entry point. There is no ini file: ``gate.store.engine.migrate`` hands over an open connection.

Online only. The caller owns the transaction, so a migration that fails leaves nothing behind.
"""

from __future__ import annotations

from alembic import context

from gate.store.housekeeping import housekeeping
from gate.store.tables import record

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[record, housekeeping],
    compare_type=True,
    transactional_ddl=False,
)
context.run_migrations()
