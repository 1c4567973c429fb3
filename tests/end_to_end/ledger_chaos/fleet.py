"""Three gateways on one database, agents in hierarchies, and an upstream that says its cost."""

import asyncio
import random
import signal
import time
from contextlib import suppress

from aiohttp import web

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.cli.demo.token import make_key, sign
from caracal_core.domain import Money
from caracal_core.storage.accounts import register
from caracal_core.storage.database import open_database
from caracal_core.storage.migrate import up

ISSUER, AUDIENCE = "https://idp.invalid", "caracal-test"
PRICE = "0.25"
COSTS = ("0.05", "0.25", "0.25", "0.3")
"""What the upstream says that a call did cost: less than was held, the same, and more."""
REPLICAS = 3
AGENTS_IN_A_TEAM = 10
RULES = {"expiration": 6, "cleanup_interval": 0.3}
SPARED = {
    "id": "spared", "path": "/spared/", "strip_prefix": True, "upstream": "u", "tariff": "flat",
    "settle": {"orphan": "void"},
}  # fmt: skip
ORPHANS = {"paid": "posted", "spared": "voided"}
PERMIT = {"id": "all", "effect": "permit", "agents": ["*"], "routes": ["*"]}


def usd(text):
    return Money.parse(text, "USD")


class Upstream:
    """Answers after a moment, and counts what it answered.

    Attributes:
        answered: how many calls.
    """

    def __init__(self):
        self.answered = 0
        self._dice = random.Random(7)

    async def answer(self, request):
        await asyncio.sleep(self._dice.random() * 0.03)
        self.answered += 1
        return web.Response(
            text="done", headers={"X-Caracal-Actual-Cost": self._dice.choice(COSTS)}
        )


class Fleet:
    """The gateways; each is known by its number and how often it was started.

    Args:
        gateways: not started yet.
        config: how the database is reached without them.
        key: signs the agents' tokens.

    Attributes:
        kills: when which start was killed, in unix seconds.
        serving: numbers of the gateways that were started and not killed.
    """

    def __init__(self, gateways, config, key):
        self.gateways, self.config = gateways, config
        self.starts = [0] * len(gateways)
        self.kills, self.serving = {}, set()
        self.paths = {}
        self._key = key
        self.tokens = {}

    async def start(self, number):
        await self.gateways[number].start()
        self.starts[number] += 1
        self.serving.add(number)

    async def kill(self, number):
        """Kill one as ``kill -9`` does, and wait until it is gone."""
        self.serving.discard(number)
        self.kills[number, self.starts[number]] = time.time()
        with suppress(ProcessLookupError):
            self.gateways[number].signal(signal.SIGKILL)
        await self.gateways[number].ended()

    async def enrol(self, agents, limits):
        """Register agents under teams under one organisation; give budgets by kind of account."""
        async with open_database(self.config) as database:
            await register(database, "org", kind="group")
            await set_budget(database, "org", usd(limits["org"]), "month")
            for number in range(agents):
                team, agent = f"team-{number // AGENTS_IN_A_TEAM}", f"agent-{number}"
                if not number % AGENTS_IN_A_TEAM:
                    await register(database, team, kind="group", parent="org")
                    await set_budget(database, team, usd(limits["team"]), "total")
                await register(database, agent, parent=team)
                await set_budget(database, agent, usd(limits["agent"]), "day")
                self.paths[agent] = (agent, team, "org")
                self.tokens[agent] = sign(self._key, agent, ISSUER, AUDIENCE)


async def a_fleet(gateway, site, home, config, environment):
    """Make gateways with one configuration, started on a migrated database."""
    upstream = Upstream()
    url = await site(web.route("*", "/{path}", upstream.answer))
    key = make_key(home / "shared.pem")
    settings = {
        "environment": environment,
        "charges": RULES,
        "routes": [SPARED],
        "policies": [PERMIT],
        "part_timeout": 2,
        "upstream_keys": {"trust_actual_cost": True},
        "auth_jwt": {
            "public_key_path": str(home / "shared.pem"), "issuer": ISSUER, "audience": AUDIENCE,
        },
    }  # fmt: skip
    await up(config)
    gateways = []
    for number in range(REPLICAS):
        place = home / f"replica-{number}"
        place.mkdir()
        real = number == 0
        made = await gateway(url, budget=None, start=False, home=place, real=real, **settings)
        gateways.append(made)
    fleet = Fleet(gateways, config, key)
    await asyncio.gather(*(fleet.start(number) for number in range(REPLICAS)))
    return fleet, upstream
