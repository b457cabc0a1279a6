"""Settings: how this gate is connected. Frozen, read once, plain data.

Read from ``<instance>/gate.toml`` and ``GATE_*``; ``gate.example.toml`` shows every key. Authority
(roles, rules, repositories) is not here but in policies.
"""

from gate.settings.load import load_settings
from gate.settings.model import (
    DatabaseSettings,
    DirectorySettings,
    ForgeSettings,
    GitSettings,
    InactiveRule,
    PermissionSettings,
    PolicySettings,
    ServerSettings,
    Settings,
    digest,
)

__all__ = [
    "DatabaseSettings",
    "DirectorySettings",
    "ForgeSettings",
    "GitSettings",
    "InactiveRule",
    "PermissionSettings",
    "PolicySettings",
    "ServerSettings",
    "Settings",
    "digest",
    "load_settings",
]
