"""The nouns of the house: frozen values, made of the standard library and msgspec only."""

from caracal_core.domain.access import Access, Decision
from caracal_core.domain.charge import Basis, Cause, Charge, Receipt, Reservation, State
from caracal_core.domain.credential_form import CredentialForm
from caracal_core.domain.exchange import Exchange
from caracal_core.domain.hash_key import HashKey
from caracal_core.domain.headers import Headers
from caracal_core.domain.money import Money
from caracal_core.domain.nonce import Nonce, Once
from caracal_core.domain.principal import Agent, CredentialName, Principal
from caracal_core.domain.quote import Quote
from caracal_core.domain.reply import Reply
from caracal_core.domain.request import Body, Connection, Request
from caracal_core.domain.route import Ending, Overrun, ReplayRule, Route, Settle, Terms

__all__ = [
    "Access",
    "Agent",
    "Basis",
    "Body",
    "Cause",
    "Charge",
    "Connection",
    "CredentialForm",
    "CredentialName",
    "Decision",
    "Ending",
    "Exchange",
    "HashKey",
    "Headers",
    "Money",
    "Nonce",
    "Once",
    "Overrun",
    "Principal",
    "Quote",
    "Receipt",
    "ReplayRule",
    "Reply",
    "Request",
    "Reservation",
    "Route",
    "Settle",
    "State",
    "Terms",
]
