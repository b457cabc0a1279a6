"""The pages, one module a thing. Server-rendered and complete without JavaScript."""

from flask import Blueprint

from gate.web.pages.contribution import contribution
from gate.web.pages.contributions import contributions
from gate.web.pages.delegations import delegations
from gate.web.pages.evidence import evidence
from gate.web.pages.inbox import inbox
from gate.web.pages.log import log
from gate.web.pages.overrides import overrides
from gate.web.pages.policies import policies
from gate.web.pages.proposals import proposals
from gate.web.pages.receipt import receipt
from gate.web.pages.repositories import repositories
from gate.web.pages.session import session
from gate.web.pages.sign import sign
from gate.web.pages.terms import terms
from gate.web.pages.vetoes import vetoes

PAGE_BLUEPRINTS: tuple[Blueprint, ...] = (
    session, inbox, contributions, contribution, sign, overrides, receipt, terms, repositories, policies, proposals,
    evidence, log, delegations, vetoes,
)  # fmt: skip
