"""What a WSGI server loads: settings -> create_app."""

from gate.app import create_app

app = create_app()
