"""The ``gate`` command: thin, one function a command; every answer also as JSON where a machine may ask."""
