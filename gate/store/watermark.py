"""Whether anything was recorded since: the size of the audit log, read as cheaply as the driver can.

Every change of the record appends an entry (``ledger``: nothing happens off the record), so two equal sizes
mean that nothing recorded changed in between, by whichever process or host. Straight through the driver,
because this is asked at every API call and the statement says nothing that needs building.
"""

from __future__ import annotations

from contextlib import closing
from typing import Final

from gate.domain.errors import UnavailableError
from gate.store.engine import Engine

_SIZE: Final = "SELECT size FROM log_head WHERE id = 1"


def log_size(engine: Engine) -> int:
    """How many entries the audit log has now. ``UnavailableError`` when it cannot be read."""
    connection = engine.raw_connection()
    failures: type[Exception] = engine.dialect.loaded_dbapi.Error
    try:
        with closing(connection.cursor()) as cursor:
            cursor.execute(_SIZE)
            # All of them: a statement that is not read to its end would keep its snapshot open.
            found = cursor.fetchall()
    except failures as error:
        raise UnavailableError("The audit log's size cannot be read.", remedy="Check the database.") from error
    finally:
        connection.close()
    if not found:
        raise UnavailableError("The log has no head.", code="misconfigured", remedy="Run the migrations.")
    return int(found[0][0])
