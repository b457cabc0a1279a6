"""Benchmarks: each module prints lines, and its ``run()`` returns them for ``.bench/results.json``."""
