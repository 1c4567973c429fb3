"""A rotated credential of an upstream is used within seconds, and a broken one never is."""

import pytest
from aiohttp import web

UNOPENED = """
import contextlib

from caracal_core.plugin import Config, Plugin, hookimpl, setting


class TheConfig(Config):
    opens: bool = setting(True, description="Whether it opens.")


class ThePlugin(Plugin):
    Config = TheConfig

    @hookimpl
    @contextlib.asynccontextmanager
    async def lifespan(self, services):
        if not self.config.opens:
            raise RuntimeError
        yield
"""

OLD, NEW = "Bearer sk-old-0123456789", "Bearer sk-new-0123456789"


@pytest.fixture
async def checking(site):
    """An upstream that lets in whoever shows its current credential."""

    class Checking:
        wanted = OLD

        async def answer(self, request):
            shown = request.headers.get("Authorization")
            return web.Response(status=200 if shown == self.wanted else 401)

    checking = Checking()
    checking.url = await site(web.route("*", "/{path}", checking.answer))
    return checking


@pytest.fixture
async def rotating(gateway, checking, mount):
    """A gateway whose upstream's credential stands in a mounted Secret."""
    mounted = mount(openai=OLD)
    headers = {"Authorization": {"secret_file": str(mounted.path("openai"))}}
    one = await gateway(checking.url, upstream_keys={"headers": headers})
    return one, mounted


async def test_a_rotated_secret_is_shown_without_a_restart_and_in_no_log(rotating, checking, until):
    one, mounted = rotating
    async with one.client() as session:

        async def let_in():
            async with session.get("/paid/x") as reply:
                return reply.status == 200

        assert await let_in()
        checking.wanted = NEW
        assert not await let_in()
        mounted.swap(openai=f"{NEW}\n")
        await until(let_in)
    assert await one.metric("caracal_configuration_reloads_total") == 0
    await one.stop()
    assert '"level": "INFO"' in one.log
    assert "credential of upstream u: what is there now is in force" in one.log
    assert not [secret for secret in (OLD, NEW) if secret.split()[1] in one.log]


@pytest.mark.parametrize("broken", ["", f"{NEW}\nX-Injected: 1", b"\xff\xfe"])
async def test_a_broken_secret_is_told_and_the_last_good_one_stays(rotating, until, broken):
    one, mounted = rotating

    async def told():
        _, text = await one.operator_sees("/metrics")
        return "caracal_upstreams_credentials_broken 1" in text

    mounted.swap(openai=broken)
    await until(told)
    async with one.client() as session, session.get("/paid/x") as reply:
        assert reply.status == 200
    _, text = await one.operator_sees("/metrics")
    assert 'caracal_upstreams_credential_changes_total{result="refused"} 1' in text
    await one.stop()  # the log has a thread of its own
    assert "what is there now is not used, what was in force stays" in one.log
    assert "sk-new" not in one.log


async def test_a_broken_secret_is_told_after_a_change_that_opened_in_part(
    gateway, checking, mount, packages, until
):
    """The upstreams of the thrown away generation had opened; nobody follows theirs."""
    packages.add("unopened", code=UNOPENED)
    mounted = mount(openai=OLD)
    headers = {"Authorization": {"secret_file": str(mounted.path("openai"))}}
    one = await gateway(
        checking.url,
        upstream_keys={"headers": headers},
        environment={"PYTHONPATH": str(packages.directory)},
        plugins=["unopened"],
    )
    one.settings["upstreams"]["u"]["idle_timeout"] = 7
    one.settings["unopened"] = {"opens": False}
    one.write()

    async def refused():
        return await one.metric("caracal_configuration_reload_failures_total") == 1

    async def told():
        return await one.metric("caracal_upstreams_credentials_broken") == 1

    await until(refused)
    mounted.swap(openai="")
    await until(told)
