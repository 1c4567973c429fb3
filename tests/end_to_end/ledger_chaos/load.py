"""Agents that call all the time, with and without keys, and remember what they were told."""

import asyncio
import random
import time
from collections import Counter
from secrets import token_hex

import aiohttp

TRIES = 40
BACK_OFF_SECONDS = 0.2
CALL_SECONDS = 20


class Refused:
    """One 402: when it was asked and answered, in unix seconds, and of whom."""

    __slots__ = ("agent", "answered", "asked")

    def __init__(self, agent, asked, answered):
        self.agent, self.asked, self.answered = agent, asked, answered


class Load:
    """All agents, from entering the context to leaving it.

    Attributes:
        paid: charge -> (gateway, its start) of every reply that came whole with a 200.
        keyed: the charges that replies named for a key, by key.
        refusals: every 402.
        statuses: how many answers there were of each kind.
    """

    def __init__(self, fleet, seed):
        self._fleet = fleet
        self._dice = random.Random(seed)
        self._over = False
        self._tasks = []
        self._session = None
        self._changed = asyncio.Event()
        self.paid, self.keyed, self.refusals, self.statuses = {}, {}, [], Counter()

    async def __aenter__(self):
        timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        self._tasks = [asyncio.create_task(self._work(agent)) for agent in self._fleet.paths]
        return self

    async def __aexit__(self, *_):
        self._over = True
        async with asyncio.timeout(120):
            await asyncio.gather(*self._tasks)
        await self._session.close()

    async def answers(self, count, seconds):
        """Wait until so many more calls were acknowledged, or so long."""
        wanted = len(self.paid) + count
        try:
            async with asyncio.timeout(seconds):
                while len(self.paid) < wanted:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            self.statuses["pause"] += 1

    async def _work(self, agent):
        while not self._over:
            key = token_hex(8) if self._dice.random() < 0.5 else None
            route = self._dice.choice(["paid", "paid", "spared"])
            for _ in range(TRIES):
                if await self._call(agent, route, key) or key is None or self._over:
                    break
                await asyncio.sleep(BACK_OFF_SECONDS)  # as a client backs off

    async def _call(self, agent, route, key):
        """Call once; return whether the answer says what became of it."""
        if not self._fleet.serving:
            await asyncio.sleep(BACK_OFF_SECONDS)
            return False
        number = self._dice.choice(sorted(self._fleet.serving))
        start = self._fleet.starts[number]
        headers = {"Authorization": f"Bearer {self._fleet.tokens[agent]}"}
        headers |= {"Idempotency-Key": key} if key else {}
        url = f"{self._fleet.gateways[number].url}/{route}/now"
        asked = time.time()
        try:
            async with self._session.post(url, headers=headers) as reply:
                body = await reply.read()
        except (aiohttp.ClientError, TimeoutError):
            self.statuses["unknown"] += 1
            return False
        self.statuses[reply.status] += 1
        charge = reply.headers.get("X-Caracal-Charge-Id")
        if reply.status == 200:
            self.paid[charge] = (number, start)
            self._changed.set()
        if reply.status == 402:
            self.refusals.append(Refused(agent, asked, time.time()))
            await asyncio.sleep(BACK_OFF_SECONDS)
        if key and reply.status == 200:
            self.keyed.setdefault(key, set()).add(charge)
        charged = reply.status == 409 and b"already_charged" in body
        return reply.status in (200, 402) or charged
