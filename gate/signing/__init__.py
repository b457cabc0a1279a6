"""Bytes that are signed and read back: canonical JSON, DSSE envelopes, C2SP signed notes. Pure, no I/O."""
