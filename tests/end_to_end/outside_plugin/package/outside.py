"""Believes whoever says ``X-Their-Token: token-of-NAME``, and lets in those on its list."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from caracal_core.domain import Access, Decision, Principal, Request
from caracal_core.errors import Unauthenticated
from caracal_core.plugin import Config, Plugin, Services, hookimpl, setting
from caracal_core.ports import Authenticator, Policy

Path(os.environ["OUTSIDE_WAS_IMPORTED"]).touch()


class OutsideConfig(Config):
    """Whom it lets in."""

    guests: tuple[str, ...] = setting((), description="The names that are let in.")


class OutsideAuthenticator:
    """Takes the name on trust."""

    scheme = "outside"
    challenge = "Outside"
    headers = frozenset({"x-their-token"})

    async def authenticate(self, request: Request) -> Principal | None:
        token = request.headers.get("x-their-token")
        if token is None:
            return None
        name = token.removeprefix("token-of-")
        if not name.isalpha():
            raise Unauthenticated("a name has letters only")
        return Principal(name, "outside")


class OutsidePolicy:
    """Permits the guests and has no opinion of anybody else."""

    def __init__(self, guests: Sequence[str]) -> None:
        self._guests = frozenset(guests)

    async def decide(self, access: Access) -> Decision | None:
        if access.principal.id in self._guests:
            return Decision(permit=True, policy="outside")
        return None


class OutsidePlugin(Plugin[OutsideConfig]):
    """One authenticator and one policy."""

    Config = OutsideConfig

    @hookimpl
    def authenticators(self, services: Services) -> Sequence[Authenticator]:
        return [OutsideAuthenticator()]

    @hookimpl
    def policies(self, services: Services) -> Sequence[Policy]:
        return [OutsidePolicy(self.config.guests)]
