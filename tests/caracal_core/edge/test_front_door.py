"""The two ways into a house: what agents meet, and what operators see."""

import types

import pytest

from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.standing import Standing
from caracal_core.builtin.policies.plugin import PoliciesPlugin
from caracal_core.config.core import CoreConfig
from caracal_core.config.effective import Setting
from caracal_core.config.enabled import Enabled
from caracal_core.config.load import Loaded
from caracal_core.edge.front_door import BackDoor, FrontDoor
from caracal_core.edge.limits import Limits
from caracal_core.ports import Endpoint


class _Readiness:
    ready = True

    async def findings(self):
        return ("well",)


class _House:
    """A house that is open."""

    def __init__(self):
        self.accepting = True
        enabled = (Enabled("policies", PoliciesPlugin, "caracal-core", "1.0.0"),)
        shown = (Setting("database.password", "********", "environment DB_PASSWORD"),)
        loaded = Loaded(CoreConfig(), enabled, {}, shown, ("a note",), "d1")
        self.inside = 7
        self.current = types.SimpleNamespace(loaded=loaded, furnishings=())

    async def exchange(self, request, deliver):
        """Lead nobody anywhere."""

    def refused(self, id, peer, error):
        """Tell nobody."""

    def dismiss(self):
        """End nothing."""

    async def close(self):
        """Close nothing."""


@pytest.fixture
def house():
    return _House()


@pytest.fixture
def readiness():
    return _Readiness()


def test_it_tells_how_many_are_inside(house, readiness):
    assert FrontDoor(house, readiness, Limits()).inside == house.inside


def test_it_is_ready_while_the_house_accepts_and_nothing_is_wrong(house, readiness):
    door = FrontDoor(house, readiness, Limits())
    assert door.ready
    readiness.ready = False
    assert not door.ready
    readiness.ready = True
    door.accepting = False
    assert not door.ready
    assert not house.accepting


async def test_operators_see_health_configuration_and_metrics(house, readiness):
    door = BackDoor(house, readiness, MetricsBook(), Standing(house.current.loaded))
    assert await door.findings() == ("well",)
    assert door.accepting
    assert b"process_" in door.metrics()
    assert door.configuration() == {
        "digest": "d1",
        "settings": [
            {
                "key": "database.password",
                "value": "********",
                "origin": "environment DB_PASSWORD",
            }
        ],
        "notes": ("a note",),
        "waiting": (),
    }


def test_plugins_are_listed_once_for_each_configuration(house, readiness):
    door = BackDoor(house, readiness, MetricsBook(), Standing(house.current.loaded))
    first = door.plugins()
    assert first[0].name == "policies"
    assert door.plugins() is first
    house.current.loaded = Loaded(CoreConfig(), (), {}, (), (), "d2")
    assert door.plugins() is not first


def test_plugins_pages_bear_their_names(house, readiness):
    async def answer():
        return 1

    pages = (Endpoint("", answer), Endpoint("state", answer))
    house.current.serving = (types.SimpleNamespace(name="mcp", builtin=False, endpoints=pages),)
    assert list(
        BackDoor(house, readiness, MetricsBook(), Standing(house.current.loaded)).endpoints()
    ) == ["mcp", "mcp/state"]


def test_cores_own_pages_stand_beside_those_and_are_not_displaced(house, readiness):
    async def answer():
        return 1

    own, strangers = Endpoint("spend", answer), Endpoint("", answer)
    house.current.serving = (
        types.SimpleNamespace(name="charges", builtin=True, endpoints=(own,)),
        types.SimpleNamespace(name="spend", builtin=False, endpoints=(strangers,)),
    )
    door = BackDoor(house, readiness, MetricsBook(), Standing(house.current.loaded))
    assert door.endpoints() == {"spend": own}
