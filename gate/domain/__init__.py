"""The nouns everything else speaks of. Pure: standard library only, no I/O, no clock."""
