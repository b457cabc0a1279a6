"""Flask only: HTTP in, one workflow call, HTTP out.

``create_web`` builds the application from bound parts; ``gate/app.py`` is the one caller.
"""

from gate.web.factory import create_web

__all__ = ["create_web"]
