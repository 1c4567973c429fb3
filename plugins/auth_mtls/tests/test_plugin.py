"""The plugin as the house uses it: contract, start, warnings, health, and lists that change."""

import asyncio
import logging

import pytest

from caracal_auth_mtls import revocation
from caracal_auth_mtls.config import MtlsConfig
from caracal_auth_mtls.plugin import MtlsPlugin
from caracal_core.errors import Misconfigured, Unauthenticated
from caracal_core.testing.contracts import PluginContract
from caracal_core.testing.fakes import FakeMetrics, a_services

AGENT = "research-1"
SPIFFE = f"spiffe://corp.example/agent/{AGENT}"


class TestContract(PluginContract):
    @pytest.fixture
    def plugin_class(self):
        return MtlsPlugin

    @pytest.fixture
    def services(self, believed, clock):
        return a_services(clock=clock, authorities=believed)

    @pytest.fixture
    def config(self, authority, written):
        return {
            "names": [{"spiffe": "spiffe://corp.example/agent/{agent}"}],
            "agents": ["research-*"],
            "crl_file": [str(written(authority.revocation_list()))],
            "trusted_proxies": ["spiffe://corp.example/edge"],
        }

    @pytest.fixture
    def bad_configs(self):
        return [
            {"names": [{"cn": "{agent}"}]},
            {"names": [{"spiffe": "secret-looking-thing{"}]},
            {"agents": []},
            {"trusted_proxies": ["https://secret-looking-proxy"]},
            {"strict": "secret-looking-thing"},
        ]

    @pytest.fixture
    def entry_point(self):
        return "auth_mtls"


class TellingMetrics(FakeMetrics):
    """Wakes whoever waits for something to be counted."""

    def __init__(self):
        super().__init__()
        self.event = asyncio.Event()

    def counter(self, name, help, **labels):
        counter = super().counter(name, help, **labels)
        add = type(counter).add

        def telling(amount=1):
            add(counter, amount)
            self.event.set()

        counter.add = telling
        return counter

    async def something_counted(self):
        async with asyncio.timeout(10):
            await self.event.wait()
        self.event.clear()


async def test_where_nobody_is_asked_for_a_certificate_the_start_is_refused():
    """TLS is off, or no authority is mounted: then mtls could never prove anybody."""
    plugin = MtlsPlugin(MtlsConfig())
    plugin.authenticators(a_services())  # hooks are pure: it is found on opening
    for given in (tuple, lambda: (b"junk",)):
        with pytest.raises(Misconfigured, match=r"auth_mode.*TLS_CA_FILE.*TLS_MODE"):
            async with plugin.lifespan(a_services(authorities=given)):
                pass


@pytest.mark.parametrize(
    ("config", "warned"),
    [
        ({}, ["MTLS_CRL_FILE"]),
        ({"strict": False}, ["auth_mtls.strict", "MTLS_CRL_FILE"]),
        ({"crl_file": True}, []),
    ],
)
async def test_what_is_believed_without_need_is_warned_of(
    opened, authority, written, caplog, config, warned
):
    if "crl_file" in config:
        config = {"crl_file": written(authority.revocation_list())}
    with caplog.at_level(logging.WARNING):
        await opened(**config)
    assert [n for n in ("auth_mtls.strict", "MTLS_CRL_FILE") if n in caplog.text] == warned


async def test_strictness_and_names_reach_their_rules(opened, authority, shown):
    """What passes by one configuration is refused by the next."""
    plain = authority.issue(cn=AGENT, purposes=None)
    assert (await (await opened(strict=False)).authenticate(shown(plain))).id == AGENT
    for config in (
        {},
        {"strict": False, "agents": ["ops-*"]},
        {"strict": False, "names": [{"dns": "{agent}"}]},
    ):
        authenticator = await opened(**config)
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(shown(plain))


async def test_lists_change_while_it_serves(
    believed, clock, authority, right, shown, written, monkeypatch
):
    """Case 22 and 23: revoked on a kept connection, and readiness follows the files."""
    monkeypatch.setattr(revocation, "POLL_SECONDS", 0.005)
    metrics = TellingMetrics()
    services = a_services(clock=clock, authorities=believed, metrics=metrics)
    path = written(authority.revocation_list())
    plugin = MtlsPlugin(MtlsConfig(crl_file=path))
    (authenticator,) = plugin.authenticators(services)
    (check,) = plugin.health(services)
    request = shown(right)
    async with plugin.lifespan(services):
        assert (await authenticator.authenticate(request)).id == AGENT
        assert await check.check() is None
        assert metrics.read("crl_expires_seconds") == clock.now() + 86_400
        written(authority.revocation_list(right))
        await metrics.something_counted()
        with pytest.raises(Unauthenticated) as caught:
            await authenticator.authenticate(request)
        assert "revoked" in caught.value.internal
        path.write_bytes(b"junk")
        await metrics.something_counted()
        assert "unusable" in await check.check()


async def test_without_lists_there_is_nothing_to_check_or_read(believed):
    plugin, services = MtlsPlugin(MtlsConfig()), a_services(authorities=believed)
    assert list(plugin.health(services)) == []
    assert len(plugin.files(services)) == 1


async def test_check_hears_of_all_that_would_stop_the_start(written, authority, believed, tmp_path):
    """``caracal check`` reads the files, and each fault is told by itself."""
    good, bad = written(authority.revocation_list()), tmp_path / "missing"
    asked, lists = MtlsPlugin(MtlsConfig(crl_file=good)).files(a_services(authorities=believed))
    assert not await asked.read()
    assert await lists.read()
    asked, lists = MtlsPlugin(MtlsConfig(crl_file=bad)).files(a_services())
    with pytest.raises(Misconfigured, match="TLS_CA_FILE"):
        await asked.read()
    with pytest.raises(Misconfigured, match="MTLS_CRL_FILE"):
        await lists.read()


def test_changed_lists_are_looked_for_often_enough():
    """A revocation takes effect within 5 seconds."""
    assert revocation.POLL_SECONDS <= 2.5


async def test_closing_it_leaves_no_task(believed, clock, authority, written):
    before = asyncio.all_tasks()
    plugin = MtlsPlugin(MtlsConfig(crl_file=written(authority.revocation_list())))

    async def serve():
        async with plugin.lifespan(a_services(clock=clock, authorities=believed)):
            assert len(asyncio.all_tasks() - before) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await serve()
    assert asyncio.all_tasks() == before
