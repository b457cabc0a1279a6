"""Policy: from files and frozen facts to a Decision. Pure: no I/O, no clock, no database."""
