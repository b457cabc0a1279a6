"""The database: the ledger that alone writes the record, and one module of queries per aggregate."""
