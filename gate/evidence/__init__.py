"""What an auditor gets, as data. Pure: no I/O, no clock; drawing is ``gate/pdf``, gathering ``workflow/export``."""
