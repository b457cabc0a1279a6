"""Contribution Gate: signed approvals of cross-team contributions, with proof."""

__version__ = "0.1.0"
