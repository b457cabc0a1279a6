"""Read by gunicorn's first process before it forks: modules are loaded once for all web processes.

Nothing is opened here: connections and the ledger belong to the process that opens them (``gate.app``).
"""

import gate.app  # noqa: F401 -- loaded for the processes forked from this one
