"""Every hook, in the order a gateway meets them. This file is the plugin author's manual.

Hooks are synchronous and are called while the house is built, never per request: they hand
over parts, and the parts do the work. A hook must not open files or connections; `lifespan`
is there for that. Return the default answer where a plugin has nothing to give: most plugins
implement one or two hooks. The order of parts is the operator's (the enabled list).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from caracal_core.plugin import Services
    from caracal_core.ports import (
        Authenticator,
        Endpoint,
        FileReader,
        HealthCheck,
        Ledger,
        Meter,
        Migrations,
        Observer,
        Policy,
        ReplayGuard,
        ReplyFilter,
        Router,
        Tariff,
        Upstream,
    )

hookspec = pluggy.HookspecMarker("caracal")


class Hooks:
    """The specification that pluggy checks names against and mypy checks overrides against."""

    @hookspec
    def files(self, services: Services) -> Sequence[FileReader]:
        """Give what reads the files that the configuration names: keys, certificates, secrets.

        When: once per assembly.
        Rule: all are read before any lifespan is entered, and by ``caracal check``, so that the
            operator hears at once of everything that is missing or cannot be used. The plugin
            reads them itself in `lifespan`, and may follow them (`caracal_core.following`).
        Default: none.

        Args:
            services: what the house lends this plugin.

        Returns:
            Parts with ``async read()``.
        """
        return ()

    @hookspec
    def lifespan(self, services: Services) -> AbstractAsyncContextManager[None]:
        """Open what the plugin needs while it serves, and close it afterwards.

        When: once per assembly, after the database is open and before the first request.
        Rule: all are opened, in the enabled order, and closed in reverse.
        Default: nothing to open.

        Args:
            services: what the house lends this plugin.

        Returns:
            An asynchronous context manager. An exception while entering stops the start, or
            leaves the running configuration as it is during a live reload. Leaving has 10
            seconds.
        """
        return nullcontext()

    @hookspec
    def routers(self, services: Services) -> Sequence[Router]:
        """Give the routers.

        When: once per assembly.
        Rule: asked in order; the first route wins, none is 404. Plugins' routers are asked
            before the built-in table.
        Default: none.

        Args:
            services: what the house lends this plugin.

        Returns:
            Parts with ``routes`` and ``async match(request)``.
        """
        return ()

    @hookspec
    def authenticators(self, services: Services) -> Sequence[Authenticator]:
        """Give the authenticators.

        When: once per assembly.
        Rule: asked in AUTH_MODE's order, within the schemes the route accepts; all that are
            shown a credential must prove the same agent. Those of a mode in auth_trial are
            asked without having a say. Without any in AUTH_MODE, the start is refused.
        Default: none.

        Args:
            services: what the house lends this plugin.

        Returns:
            Parts with ``scheme``, ``challenge``, ``headers`` and
            ``async authenticate(request)``. What ``headers`` names is withheld from every
            upstream. With ``kinds`` (`caracal_core.ports.TakesKinds`) it may say which
            credentials in them it takes, and with ``credential_form``
            (`caracal_core.ports.NamesCredentials`) what the names look like by which they are
            revoked.
        """
        return ()

    @hookspec
    def replay_guard(self, services: Services) -> ReplayGuard | None:
        """Give the replay guard.

        When: once per assembly.
        Rule: exactly one. An enabled plugin's displaces the built-in; two plugins' stop the
            start.
        Default: None.

        Args:
            services: what the house lends this plugin.

        Returns:
            A part with ``async claim(nonce)``, or None.
        """
        return None

    @hookspec
    def policies(self, services: Services) -> Sequence[Policy]:
        """Give the policies.

        When: once per assembly.
        Rule: all are asked; a deny wins, and without a permit the answer is deny.
        Default: none.

        Args:
            services: what the house lends this plugin.

        Returns:
            Parts with ``async decide(access)``.
        """
        return ()

    @hookspec
    def tariff(self, services: Services) -> Tariff | None:
        """Give the tariff.

        When: once per assembly.
        Rule: exactly one. An enabled plugin's displaces the built-in; two plugins' stop the
            start.
        Default: None.

        Args:
            services: what the house lends this plugin.

        Returns:
            A part with ``names`` and ``async quote(request, route, principal)``, which answers with
            a `Quote`; or None.
        """
        return None

    @hookspec
    def meters(self, services: Services) -> Sequence[Meter]:
        """Give the meters.

        When: once per assembly.
        Rule: asked in order; the first that recognises a reply reads it. A reply nobody
            recognises costs what was quoted; where the tariff expected a meter, what was held, and
            the charge is marked as unmetered.
        Default: none.

        Args:
            services: what the house lends this plugin.

        Returns:
            Parts with ``recognise(reply, route, quote)``.
        """
        return ()

    @hookspec
    def ledger(self, services: Services) -> Ledger | None:
        """Give the ledger.

        When: once per assembly.
        Rule: exactly one. An enabled plugin's displaces the built-in; two plugins' stop the
            start.
        Default: None.

        Args:
            services: what the house lends this plugin.

        Returns:
            A part with ``reserve(charge)``, ``post(id, amount, cause, basis)`` and
            ``void(id, cause)``, or None.
        """
        return None

    @hookspec
    def upstreams(self, services: Services) -> Mapping[str, Upstream]:
        """Give the upstreams by the names that routes use.

        When: once per assembly.
        Rule: all; a name given twice stops the start.
        Default: none.

        Args:
            services: what the house lends this plugin.

        Returns:
            Parts with ``send(request, route, on_sent)`` by name.
        """
        return {}

    @hookspec
    def reply_filters(self, services: Services) -> Sequence[ReplyFilter]:
        """Give the reply filters.

        When: once per assembly.
        Rule: chained in order, each gets what the one before returned, before the charge is
            committed and the head goes out.
        Default: none.

        Args:
            services: what the house lends this plugin.

        Returns:
            Parts with ``async filter(reply, route)``.
        """
        return ()

    @hookspec
    def observers(self, services: Services) -> Sequence[Observer]:
        """Give the observers.

        When: once per assembly.
        Rule: all are told of each finished exchange, after the client was answered.
        Default: none.

        Args:
            services: what the house lends this plugin.

        Returns:
            Parts with ``async observe(exchange)``.
        """
        return ()

    @hookspec
    def health(self, services: Services) -> Sequence[HealthCheck]:
        """Give the health checks.

        When: once per assembly.
        Rule: all must pass for readiness; liveness never asks them.
        Default: none.

        Args:
            services: what the house lends this plugin.

        Returns:
            Parts with ``name`` and ``async check()``.
        """
        return ()

    @hookspec
    def endpoints(self, services: Services) -> Sequence[Endpoint]:
        """Give pages for the operations port.

        When: once per assembly.
        Rule: all, under ``/-/<plugin>/``; a path given twice stops the start.
        Default: none.

        Args:
            services: what the house lends this plugin.

        Returns:
            Endpoints: a relative path, and what answers a GET of it.
        """
        return ()

    @hookspec
    def commands(self, cli: click.Group) -> None:
        """Add a command group of the plugin's own to the command line.

        A command that needs the store asks ``ctx.obj`` for it, a
        `caracal_core.plugin.CommandLine`: ``ctx.obj.run(self.name, work)``.

        When: at each start of ``caracal``, for enabled plugins.
        Rule: all; a command that exists already stops the start.
        Default: nothing is added.

        Args:
            cli: the group to add to.
        """
        return None

    @hookspec
    def migrations(self) -> Migrations | None:
        """Give the plugin's tables.

        When: at start and for ``caracal db``.
        Rule: all; the core's tables first, then plugins' in the enabled order, each with its
            own history.
        Default: None, no tables.

        Returns:
            The name of the history, the models and the directory of migration files.
        """
        return None
