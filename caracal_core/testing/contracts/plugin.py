# ruff: noqa: S101 - a contract is a set of tests
"""What every plugin owes: it declares itself, builds without effects, opens and closes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from pydantic import BaseModel, ValidationError

from caracal_core.assembly.furnishing import Furnishing, furnish
from caracal_core.assembly.inspection import check_class, hooks_of
from caracal_core.plugin import Plugin, Services
from caracal_core.testing.fakes import a_services

SHORTEST_SECRET = 8


class PluginContract:
    """Give ``plugin_class``.

    The others have defaults: ``config``, a mapping that is valid as the plugin's section of
    ``caracal.yaml`` (empty); ``bad_configs``, mappings that are not (none); ``services`` (fakes;
    give one with a real database where the lifespan uses it); and ``entry_point``, the name
    that the installed plugin is enabled by (None, not looked at).
    """

    @pytest.fixture
    def plugin_class(self) -> type[Plugin[Any]]:
        """Give the class under test."""
        raise NotImplementedError("give the fixture 'plugin_class': the class under test")

    @pytest.fixture
    def config(self) -> Mapping[str, Any]:
        """Give a valid section."""
        return {}

    @pytest.fixture
    def bad_configs(self) -> Sequence[Mapping[str, Any]]:
        """Give sections that must be refused, each for its own reason."""
        return ()

    @pytest.fixture
    def services(self) -> Services:
        """Give what the house lends the plugin."""
        return a_services()

    @pytest.fixture
    def entry_point(self) -> str | None:
        """Give the name of the installed plugin's entry point."""
        return None

    @pytest.fixture
    def validated(self, plugin_class: type[Plugin[Any]], config: Mapping[str, Any]) -> BaseModel:
        """Return the section as the house would hand it to the constructor."""
        return plugin_class.Config.model_validate(config)

    @pytest.fixture
    def furnishing(
        self, plugin_class: type[Plugin[Any]], validated: BaseModel, services: Services
    ) -> Furnishing:
        """Return everything the plugin brings, each part checked against its port."""
        return _furnish(plugin_class, validated, services)

    async def test_the_house_accepts_the_class(self, plugin_class: type[Plugin[Any]]) -> None:
        """Hooks are spelt and marked as hooks, take their arguments, and leave the order alone."""
        assert check_class("test", plugin_class) is plugin_class

    async def test_it_implements_a_hook(self, plugin_class: type[Plugin[Any]]) -> None:
        """A plugin without one could not matter."""
        assert hooks_of(plugin_class)

    async def test_it_says_what_it_is(self, plugin_class: type[Plugin[Any]]) -> None:
        """``caracal plugins`` shows the class's own docstring."""
        assert (plugin_class.__dict__.get("__doc__") or "").strip()

    async def test_every_key_is_described(self, plugin_class: type[Plugin[Any]]) -> None:
        """The schema is the documentation."""
        fields = plugin_class.Config.model_fields
        assert not [name for name, field in fields.items() if not field.description]

    async def test_its_schema_can_be_written(self, plugin_class: type[Plugin[Any]]) -> None:
        """``caracal config schema`` merges it into one JSON Schema."""
        assert json.dumps(plugin_class.Config.model_json_schema())

    async def test_its_configuration_never_changes(
        self, plugin_class: type[Plugin[Any]], validated: BaseModel
    ) -> None:
        """A reload makes a new one, and carries the plugin over where they are equal."""
        assert plugin_class.Config.model_config.get("frozen")
        assert plugin_class.Config.model_validate(validated.model_dump()) == validated

    async def test_an_unknown_key_is_refused(
        self, plugin_class: type[Plugin[Any]], config: Mapping[str, Any]
    ) -> None:
        """A misspelt key would otherwise be a rule that silently does not hold."""
        with pytest.raises(ValidationError):
            plugin_class.Config.model_validate({**config, "no_such_key": 1})

    async def test_a_bad_configuration_is_refused(
        self, plugin_class: type[Plugin[Any]], bad_configs: Sequence[Mapping[str, Any]]
    ) -> None:
        """Before anything is built."""
        for section in bad_configs:
            with pytest.raises(ValidationError):
                plugin_class.Config.model_validate(section)

    async def test_a_refusal_does_not_repeat_the_value(
        self, plugin_class: type[Plugin[Any]], bad_configs: Sequence[Mapping[str, Any]]
    ) -> None:
        """A value in the wrong place may be a secret."""
        for section in bad_configs:
            with pytest.raises(ValidationError) as caught:
                plugin_class.Config.model_validate(section)
            values = [v for v in section.values() if isinstance(v, str)]
            shown = str(caught.value)
            assert not [v for v in values if len(v) >= SHORTEST_SECRET and v in shown]

    async def test_its_hooks_give_parts(
        self, plugin_class: type[Plugin[Any]], validated: BaseModel, services: Services
    ) -> None:
        """In a thread without an event loop: hooks hand over, lifespans open."""
        furnishing = await asyncio.to_thread(_furnish, plugin_class, validated, services)
        assert isinstance(furnishing.plugin, plugin_class)

    async def test_it_can_be_built_twice(
        self, plugin_class: type[Plugin[Any]], validated: BaseModel, services: Services
    ) -> None:
        """A live reload builds a new generation while the old one serves."""
        old = _furnish(plugin_class, validated, services)
        new = _furnish(plugin_class, validated, services)
        assert old.plugin is not new.plugin
        for hook in ("routers", "authenticators", "policies", "meters", "upstreams"):
            assert len(getattr(old, hook)) == len(getattr(new, hook))

    async def test_its_files_can_be_read_before_it_opens(self, furnishing: Furnishing) -> None:
        """``caracal check`` does; looking again at what did not change finds nothing new."""
        for reader in furnishing.files:
            await reader.read()
            assert not await reader.read()

    async def test_it_opens_and_closes(self, furnishing: Furnishing) -> None:
        """Once a generation."""
        async with furnishing.lifespan():
            pass

    async def test_two_generations_overlap(
        self, plugin_class: type[Plugin[Any]], validated: BaseModel, services: Services
    ) -> None:
        """The new one is open before the old one closes."""
        new = _furnish(plugin_class, validated, services)
        async with new.lifespan(), _furnish(plugin_class, validated, services).lifespan():
            pass

    async def test_it_does_not_swallow_what_ends_the_house(self, furnishing: Furnishing) -> None:
        """An exception passes through its lifespan."""
        with pytest.raises(LookupError):
            async with furnishing.lifespan():
                raise LookupError

    async def test_its_health_checks_answer(self, furnishing: Furnishing) -> None:
        """None while well, else a sentence."""
        names = [check.name for check in furnishing.health]
        assert all(names)
        assert len(set(names)) == len(names)
        async with furnishing.lifespan():
            for check in furnishing.health:
                assert isinstance(await check.check(), str | None)

    async def test_its_pages_can_be_written(self, furnishing: Furnishing) -> None:
        """Relative paths, each once, and values that are JSON."""
        paths = [endpoint.path for endpoint in furnishing.endpoints]
        assert len(set(paths)) == len(paths)
        assert not [path for path in paths if path.startswith("/")]
        async with furnishing.lifespan():
            for endpoint in furnishing.endpoints:
                assert msgspec.json.encode(await endpoint.answer())

    async def test_its_commands_explain_themselves(self, furnishing: Furnishing) -> None:
        """``caracal --help`` lists them with one line each."""
        cli = click.Group("caracal")
        furnishing.plugin.commands(cli)
        assert not [name for name, command in cli.commands.items() if not command.help]

    async def test_its_tables_are_where_it_says(self, furnishing: Furnishing) -> None:
        """A history of its own, with reviewed files in its own package."""
        migrations = furnishing.plugin.migrations()
        if migrations is not None:
            assert migrations.app
            assert Path(migrations.directory).is_absolute()
            assert Path(migrations.directory).is_dir()  # noqa: ASYNC240 - nothing else is waiting
            assert import_module(migrations.models)

    async def test_its_entry_point_leads_to_it(
        self, plugin_class: type[Plugin[Any]], entry_point: str | None
    ) -> None:
        """The name in the enabled list is the name in the package's metadata."""
        if entry_point is not None:
            (found,) = entry_points(group="caracal.plugins", name=entry_point)
            assert found.load() is plugin_class


def _furnish(
    plugin_class: type[Plugin[Any]], validated: BaseModel, services: Services
) -> Furnishing:
    return furnish("test", plugin_class, validated, services, plugin_class.at_root)
