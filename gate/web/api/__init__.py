"""The JSON API under ``/api/v1``: bearer tokens only, never cookies; errors are problem details."""

from flask import Blueprint

from gate.web.api.checks import checks
from gate.web.api.contributions import contributions
from gate.web.api.delegations import delegations
from gate.web.api.deliveries import deliveries
from gate.web.api.hints import hints
from gate.web.api.overrides import overrides
from gate.web.api.status import status

API_BLUEPRINTS: tuple[Blueprint, ...] = (status, overrides, hints, deliveries, contributions, checks, delegations)
