"""The inventory says what is enabled, what that implements, and what else is installed."""

from __future__ import annotations

import sys

from caracal_core.assembly.discovery import discover, survey
from caracal_core.assembly.inventory import take_inventory
from caracal_core.assembly.pins import parse_pin
from caracal_core.config.core import Selection


def inventory(plugins=()):
    enabled = discover(Selection(auth_mode=[], plugins=plugins))
    return {item.name: item for item in take_inventory(enabled)}


def test_an_enabled_plugin_is_listed_with_what_it_implements(packages):
    packages.add("acme", version="1.2.0")
    item = inventory(["acme"])["acme"]
    assert (item.version, item.distribution, item.state) == ("1.2.0", "acme", "enabled")
    assert item.hooks == ("observers",)
    assert item.keys == ("acme",)


def test_the_built_ins_are_listed_with_their_root_keys():
    routes = inventory()["routes"]
    assert (routes.state, routes.distribution) == ("built-in", "caracal-core")
    assert routes.hooks == ("routers",)
    assert "routes" in routes.keys
    assert routes.pin == ""


def test_what_is_not_enabled_is_listed_from_metadata_and_not_imported(packages):
    packages.add("bomb", code="raise SystemExit('imported')", version="3")
    item = inventory()["bomb"]
    assert (item.version, item.distribution, item.state) == ("3", "bomb", "installed")
    assert item.hooks == ()
    assert "bomb_module" not in sys.modules


def test_enabled_ones_stand_in_their_order_before_the_others(packages):
    for name in ("b", "a", "c"):
        packages.add(name)
    names = list(inventory(["b", "a"]))
    assert names[:2] == ["b", "a"]
    assert names.index("c") > names.index("routes")


def test_its_pin_is_accepted_for_what_is_installed(packages):
    packages.add("acme")
    pin = inventory([])["acme"].pin
    assert parse_pin(pin, "plugins").digest
    assert inventory([pin])["acme"].state == "enabled"


def test_what_is_chosen_and_cannot_be_had_says_why_and_what_mends_it(packages):
    """Installed and broken is not the same as missing; neither has a version that runs."""
    packages.add("broken", code="raise RuntimeError('half of it')", version="3")
    items = take_inventory(survey(Selection(auth_mode=[], plugins=["broken", "acne"])))
    broken, missing = items[:2]
    assert (broken.state, broken.version, broken.hooks) == ("refused", "", ())
    assert broken.problem.startswith("plugin broken: importing")
    assert broken.pin.startswith("broken==3@")
    assert (missing.state, missing.problem) == ("missing", "plugins: acne is not installed")
    assert "Installed plugins:" in missing.mend
    assert [item.name for item in items].count("broken") == 1
