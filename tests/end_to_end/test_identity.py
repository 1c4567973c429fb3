"""Who is let in: chains of modes, revocations that reach every replica, and a planned switch.

Two of the modes are made up and installed, as a stranger's are; the third is auth_jwt.
"""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from caracal_core.cli.demo.token import make_key, sign
from caracal_core.storage import sightings
from caracal_core.storage.accounts import enable, register
from caracal_core.storage.database import open_database

MODES = Path(__file__).parent / "made_up_modes" / "modes.py"
PERMIT_ALL = {"id": "all", "effect": "permit", "agents": ["*"], "routes": ["*"]}
ISSUER = {"issuer": "https://idp.invalid", "audience": "caracal-test"}
WORKERS = 3
REVOKED_SECONDS = 5
OLD, NEW = 1_700_000_000, 4_000_000_000


class People:
    """Agents, each with a token of the issuer's.

    Attributes:
        tokens: the headers that show an agent's token, by its name.
    """

    def __init__(self, one, *names):
        self.one, self.names = one, names
        key = make_key(one.home / "jwt_public.pem")
        self.tokens = {
            name: {"Authorization": f"Bearer {sign(key, name, **ISSUER)}"} for name in names
        }

    async def register(self):
        async with open_database(self.one.storage) as database:
            for name in self.names:
                await register(database, name)


@pytest.fixture
def environment(packages):
    """Install the made-up modes; return what lets a process find them."""
    code = MODES.read_text()
    packages.add("auth_badge", code=code, attribute="BadgePlugin")
    packages.add("auth_seat", code=code, attribute="SeatPlugin")
    return {"PYTHONPATH": str(packages.directory)}


@pytest.fixture
async def house(gateway, origin, environment):
    """Start a gateway for these people, with settings of its own."""

    async def start(*names, environment=environment, **settings):
        one = await gateway(
            origin.url, start=False, environment=environment, policies=[PERMIT_ALL], **settings
        )
        people = People(one, *names)
        await people.register()
        await one.start()
        return one, people

    return start


class Line:
    """One kept connection to a gateway.

    Attributes:
        opened: how many connections it needed so far.
    """

    def __init__(self, gateway):
        self.opened = 0
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_end.append(self._count)
        self._session = aiohttp.ClientSession(
            gateway.url,
            connector=aiohttp.TCPConnector(limit=1),
            trace_configs=[tracing],
        )

    async def _count(self, *_):
        self.opened += 1

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self._session.close()

    async def ask(self, headers):
        """Return the status of one call."""
        async with self._session.get("/free/x", headers=headers) as reply:
            await reply.read()
            return reply.status

    async def reply(self, headers):
        """Return status, challenges and the problem's members but its instance."""
        async with self._session.get("/free/x", headers=headers) as reply:
            members = json.loads(await reply.text()) if reply.status >= 400 else {}
            members.pop("instance", None)
            return reply.status, reply.headers.getall("WWW-Authenticate", []), members


async def refused_in_time(line, headers):
    """Wait until a call is refused, for as long as a revocation may take."""
    async with asyncio.timeout(REVOKED_SECONDS):
        while (status := await line.ask(headers)) in (200, 503):
            pass  # a busy machine may be late to tell, and is refused then too
    assert status == 401


@pytest.mark.parametrize(
    ("words", "refused", "good"),
    [
        (
            ("--scheme", "badge", "--credential", "serial-1"),
            {"X-Badge": f"anna:serial-1:{OLD}"},
            {"X-Badge": f"anna:serial-2:{OLD}"},
        ),
        (
            ("--agent", "anna"),
            {"X-Badge": f"anna:serial-1:{OLD}"},
            {"X-Badge": f"anna:serial-2:{NEW}"},
        ),
        (
            ("--agent", "anna", "--scheme", "seat"),
            {"X-Seat": f"anna:s:{OLD}", "X-Badge": f"anna:serial-1:{OLD}"},
            {"X-Badge": f"anna:serial-1:{OLD}"},
        ),
    ],
    ids=["one credential", "all older ones of an agent", "one of two that are shown"],
)
async def test_what_one_process_revokes_another_refuses_in_time_on_kept_connections(
    house,
    gateway,
    origin,
    environment,
    postgres_config,
    storage_environment,
    tmp_path,
    words,
    refused,
    good,
):
    """And what is taken back is accepted again."""
    environment |= storage_environment(postgres_config)
    settings = {"auth_mode": ["seat", "badge"], "environment": environment}
    one, _ = await house("anna", **settings)
    (home := tmp_path / "two").mkdir()
    two = await gateway(origin.url, budget=None, home=home, policies=[PERMIT_ALL], **settings)
    async with Line(one) as first, Line(two) as second:
        for line in (first, second):
            assert [await line.ask(refused), await line.ask(good)] == [200, 200]
        await asyncio.to_thread(one.caracal, "revocations", "add", *words)
        for line in (second, first):
            await refused_in_time(line, refused)
            assert await line.ask(good) == 200
        await asyncio.to_thread(two.caracal, "revocations", "remove", "1")
        async with asyncio.timeout(REVOKED_SECONDS):
            while await second.ask(refused) != 200:
                pass
        assert (first.opened, second.opened) == (1, 1)


async def test_a_store_that_dies_lets_nobody_in_on_an_old_answer(
    house, mortal_postgresql, environment, storage_environment
):
    """Neither whoever was good nor whoever was revoked meanwhile, within the same time."""
    with mortal_postgresql.database() as config:
        environment |= storage_environment(config) | {"DB_POOL_TIMEOUT": "1"}
        one, _ = await house("anna", auth_mode=["badge"], environment=environment)
        badge = {"X-Badge": f"anna:serial-1:{OLD}"}
        async with Line(one) as line:
            assert await line.ask(badge) == 200
            mortal_postgresql.kill()
            async with asyncio.timeout(REVOKED_SECONDS):
                while (status := await line.ask(badge)) == 200:
                    pass
            assert status == 503
        mortal_postgresql.start()
        await one.stop()


ANNA, BEN = f"anna:1:{OLD}", f"ben:1:{OLD}"


async def test_a_chain_of_three_modes_judges_all_that_is_shown(house):
    """A good credential never makes up for a bad one beside it."""
    one, people = await house("anna", "ben", auth_mode=["seat", "jwt", "badge"])
    token = people.tokens["anna"]
    bad_token = {"Authorization": "Bearer a.b.c"}
    expected = [
        (token, 200),
        ({"X-Badge": ANNA}, 200),
        ({"X-Seat": ANNA}, 200),
        ({"X-Seat": ANNA} | token, 200),
        ({"X-Seat": ANNA, "X-Badge": ANNA}, 200),
        ({"X-Seat": BEN} | token, 401),
        ({"X-Seat": "forged:1:0"} | token, 401),
        ({"X-Seat": ANNA} | bad_token, 401),
        ({"X-Badge": ANNA} | token, 400),
        ({"X-Badge": ANNA} | bad_token, 400),
        ({"X-Badge": "forged:1:0"} | token, 400),
        ({"X-Seat": ANNA, "X-Badge": ANNA} | bad_token, 400),
        ({"X-API-Key": "of a mode that is not enabled"} | token, 200),
        ({"X-API-Key": "of a mode that is not enabled"}, 401),
        ({}, 401),
    ]
    async with Line(one) as line:
        for headers, status in expected:
            assert (await line.ask(headers), headers) == (status, headers)
    await one.stop()
    told = [(set(story["shown"]), story["proved"], story["status"]) for story in one.stories[-15:]]
    assert told[0] == ({"bearer_jws"}, ["jwt"], 200)
    assert told[3] == ({"bearer_jws"}, ["seat", "jwt"], 200)
    assert told[8] == ({"bearer_jws", "header:x-badge"}, [], 400)
    assert told[12] == ({"bearer_jws", "x_api_key"}, ["jwt"], 200)


async def test_whatever_is_wrong_the_answer_is_one_and_the_same(house):
    """Unknown, disabled, revoked, forged, absent: one body, all challenges, in their order."""
    one, _ = await house("anna", "off", auth_mode=["badge", "seat", "jwt"])
    async with open_database(one.storage) as database:
        await enable(database, "off", enabled=False)
    one.caracal("revocations", "add", "--scheme", "badge", "--credential", "lost")
    bad = [
        {},
        {"X-Badge": f"nobody:1:{OLD}"},
        {"X-Badge": f"off:1:{OLD}"},
        {"X-Badge": f"anna:lost:{OLD}"},
        {"X-Badge": "forged:1:0"},
        {"Authorization": "Bearer a.b.c"},
    ]
    async with Line(one) as line:
        assert await line.ask({"X-Badge": ANNA}) == 200
        answers = [await line.reply(headers) for headers in bad]
    assert [answers[0]] * len(bad) == answers
    status, challenges, _ = answers[0]
    assert status == 401
    assert [each.split()[0] for each in ", ".join(challenges).split(", ")] == ["Badge", "Bearer"]


@pytest.fixture
def under_load():
    """Keep a gateway busy by agents who have to be let in every time."""

    class Load:
        def __init__(self, one, *shown):
            self._one, self._shown = one, shown
            self._over, self.seen = asyncio.Event(), []

        async def __aenter__(self):
            self._tasks = [asyncio.create_task(self._work(each)) for each in self._shown * WORKERS]
            return self

        async def __aexit__(self, *_):
            self._over.set()
            await asyncio.gather(*self._tasks)
            assert self.seen
            assert set(self.seen) == {200}

        async def _work(self, headers):
            async with Line(self._one) as line:
                while not self._over.is_set():
                    self.seen.append(await line.ask(headers))

    return Load


@pytest.fixture
def switching(mount, until):
    """A mounted ConfigMap, changed one state after the other; each is waited for."""

    class Switching:
        def __init__(self):
            self._mounted = mount(AUTH_MODE="jwt")
            self.environment = {"CARACAL_SETTINGS_DIR": str(self._mounted.directory)}

        async def to(self, one, **settings):
            self._mounted.swap(**settings)
            expected = {key.lower(): value.split(",") for key, value in settings.items()}

            async def in_effect():
                _, text = await one.operator_sees("/-/config")
                shown = {each["key"]: each["value"] for each in json.loads(text)["settings"]}
                return all(shown[key] == value for key, value in expected.items())

            await until(in_effect)

    return Switching()


def planned(one, modes):
    """Return the verdict of `caracal auth plan` on each agent, and its exit code."""
    ended = one.command("auth", "plan", "--to", modes, "--json")
    assert ended.returncode in {0, 1}, ended.stderr
    return {row["agent"]: row["verdict"] for row in json.loads(ended.stdout)}, ended.returncode


async def test_a_switch_of_modes_breaks_whom_the_plan_named_and_drops_no_request(
    house, environment, switching, until, under_load
):
    """From jwt over a trial to a chain, and on to a third mode alone, by a mounted ConfigMap."""
    names = ("only-token", "with-both", "wrong-both")
    one, people = await house(*names, environment=environment | switching.environment)
    shown = dict(people.tokens)
    for name, proved in (("with-both", "with-both"), ("wrong-both", "somebody-else")):
        shown[name] = shown[name] | {f"X-{of}": f"{proved}:1:{OLD}" for of in ("Seat", "Badge")}

    async def tried():
        async with open_database(one.storage) as database:
            found = [each for each, _ in await sightings.since(database, 1)]
        told = {each.agent for each in found if each.trial_proved or each.trial_refused}
        return told == {"with-both", "wrong-both"}

    async def statuses(line):
        return {name: await line.ask(headers) for name, headers in shown.items()}

    def verdicts(token, both, wrong):
        found = {"only-token": token, "with-both": both, "wrong-both": wrong}
        return found | {"agent-1": "unseen"}, 1

    good, no = "gets in", "would not"
    async with under_load(one, shown["only-token"], shown["with-both"]) as load, Line(one) as line:
        assert set((await statuses(line)).values()) == {200}
        await switching.to(one, AUTH_MODE="jwt", AUTH_TRIAL="seat,badge")
        assert set((await statuses(line)).values()) == {200}
        await until(tried)
        assert await asyncio.to_thread(planned, one, "seat,jwt") == verdicts(good, good, no)
        assert await asyncio.to_thread(planned, one, "badge") == verdicts(no, good, no)
        before = len(load.seen)
        await switching.to(one, AUTH_MODE="seat,jwt")
        found = await statuses(line)
        assert found == {"only-token": 200, "with-both": 200, "wrong-both": 401}
        assert len(load.seen) > before
    async with under_load(one, shown["with-both"]), Line(one) as line:
        await switching.to(one, AUTH_MODE="badge")
        found = await statuses(line)
        assert found == {"only-token": 401, "with-both": 200, "wrong-both": 401}


async def test_a_trial_that_breaks_harms_nothing(house):
    """The call is as if there were no trial, and nothing is told of it."""
    one, people = await house("anna", auth_mode="jwt", auth_trial=["seat"])
    async with Line(one) as line:
        broken = people.tokens["anna"] | {"X-Seat": "not a credential at all"}
        assert await line.ask(broken) == 200
    await one.stop()
    (story,) = [story for story in one.stories if story.get("agent")]
    assert (story["trial_proved"], story["trial_refused"], story["status"]) == ([], [], 200)


async def test_tokens_and_api_keys_stand_in_one_chain_and_are_revoked_alike(gateway, origin):
    """The real modes: by one command each, whatever issued the credential."""
    one = await gateway(origin.url, auth_mode=["jwt", "api_key"])
    issued = json.loads(one.caracal("keys", "issue", "agent-1", "--json"))
    issued = issued[0] if isinstance(issued, list) else issued
    key, token = {"X-API-Key": issued["key"]}, one.authorization
    async with Line(one) as line:
        assert [await line.ask(each) for each in (key, token)] == [200, 200]
        assert await line.ask(key | token) == 400
        assert await line.ask({"X-API-Key": "ck_forged"} | token) == 400
        named = ("--scheme", "api_key", "--credential", issued["id"])
        await asyncio.to_thread(one.caracal, "revocations", "add", *named)
        await refused_in_time(line, key)
        assert await line.ask(token) == 200
        await asyncio.to_thread(one.caracal, "revocations", "add", "--agent", "agent-1")
        await refused_in_time(line, token)
