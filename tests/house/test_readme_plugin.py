"""The plugin that README shows keeps the contracts that it tells its readers of."""

import re
from pathlib import Path

import pytest

from caracal_core.testing.contracts import PluginContract, PolicyContract
from caracal_core.testing.fakes import (
    FakeClock,
    TrivialPolicy,
    a_request,
    a_services,
    an_access,
)
from caracal_core.testing.rehearsal import Rehearsal

README = Path(__file__).parents[2] / "README.md"
NOON, MIDNIGHT = 12 * 3600.0, 0.0


def _shown():
    """Run README's code, and return what it defines."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    names = {"__name__": "office_hours"}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102 - README's own code
    return names


@pytest.fixture(scope="module")
def office_hours():
    return _shown()["OfficeHours"]


class TestPlugin(PluginContract):
    @pytest.fixture
    def plugin_class(self, office_hours):
        return office_hours

    @pytest.fixture
    def bad_configs(self):
        return [{"begin": 24}, {"end": 0}, {"begin": "eight o'clock"}]


class TestPolicy(PolicyContract):
    @pytest.fixture
    def policy(self, office_hours):
        services = a_services(clock=FakeClock(MIDNIGHT))
        (policy,) = office_hours(office_hours.Config()).policies(services)
        return policy

    @pytest.fixture
    def denied(self):
        return [an_access()]


@pytest.mark.parametrize(("now", "status"), [(NOON, 200), (MIDNIGHT, 403)])
async def test_it_decides_a_request(office_hours, now, status):
    """Beside a policy that permits, as README's operator would have one."""
    services = a_services(clock=FakeClock(now))
    (policy,) = office_hours(office_hours.Config()).policies(services)
    async with Rehearsal(policies=[policy, TrivialPolicy()]) as rehearsal:
        assert (await rehearsal.call(a_request())).status == status
