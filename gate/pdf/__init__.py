"""Drawing: an evidence pack's twin to PDF bytes, and the seal on them. Knows nothing of where the twin came from."""
