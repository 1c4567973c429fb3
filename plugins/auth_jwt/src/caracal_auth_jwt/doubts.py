"""Why the gateway would refuse a minted token now: for whoever minted it, and no more than that."""

from __future__ import annotations

import asyncio
import time

from caracal_auth_jwt import compact
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.issuers import issuers_of
from caracal_auth_jwt.key_file import KeyFile
from caracal_core.errors import CaracalError, Unauthenticated
from caracal_core.plugin import CommandLine, Services
from caracal_core.storage import accounts

PLUGIN = "auth_jwt"


def of_token(config: JwtConfig, issuer: str | None, token: str) -> str | None:
    """Return why a token would not be believed, or None where nothing speaks against it.

    Keys that are fetched from a URL are not asked for.

    Args:
        config: the section.
        issuer: the issuer whose token it is; None where any is taken.
        token: the token.
    """
    return asyncio.run(_of_token(config, issuer, token))


def of_agent(line: CommandLine, agent: str) -> str | None:
    """Return why an agent would not be admitted, or None where it is."""

    async def work(services: Services) -> str | None:
        found = await accounts.path(services.database, agent)
        return accounts.why_not_admitted(agent, found)

    try:
        return line.run(PLUGIN, work)
    except CaracalError as error:
        return f"nobody can say whether {agent} is registered ({error})"


async def _of_token(config: JwtConfig, name: str | None, token: str) -> str | None:
    issuers = issuers_of(config)
    issuer = next((each for each in issuers if each.name == name), issuers[0])
    if not isinstance(issuer.keys, KeyFile):
        return None
    try:
        await issuer.keys.read()
        await issuer.verify(compact.parse(token, config.max_token_bytes), time.time())
    except Unauthenticated as refusal:
        return f"{refusal.internal}."
    except CaracalError as error:
        return str(error)
    return None
