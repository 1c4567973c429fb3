"""``caracal``: every command is imported when it is called, and every expected error is worded."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

import click

from caracal_core.cli.leaving import limit_the_exit
from caracal_core.cli.options import configurable, foresee, options
from caracal_core.cli.output import fail
from caracal_core.cli.standard_streams import open_standard_streams
from caracal_core.errors import CaracalError, Misconfigured
from caracal_core.garbage import collect_rarely

COMMANDS: Mapping[str, str] = {
    "serve": "Serve agents.",
    "check": "Check the configuration without opening anything.",
    "config": "Show the effective configuration, or its schema.",
    "plugins": "List the installed plugins.",
    "db": "Prepare the database and its schema.",
    "agents": "Register agents and the accounts above them.",
    "auth": "Plan a switch of authentication modes.",
    "revocations": "Refuse credentials before their time.",
    "budgets": "Set limits for accounts.",
    "prices": "Set prices, and show every version of them.",
    "charges": "List open charges, or release them.",
    "certs": "Make certificates for a first deployment, or show them.",
    "ledger": "Query and sum up what was spent, and prove it.",
}
"""Core's own commands; each stands in the module of its name."""

_INTERRUPTED = 130
_ADDED = "caracal.added"


class Root(click.Group):
    """Imports core's commands lazily and adds those of enabled plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        try:
            return [*COMMANDS, *sorted(_plugin_commands(ctx))]
        except Misconfigured:
            return list(COMMANDS)  # `check` explains it; help must still help

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            foresee(ctx, args[1:])
            _find(ctx, args[0])
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            module = import_module(f"caracal_core.cli.{cmd_name}")
            command: click.Command = getattr(module, "group", None) or module.command
            return configurable(command)
        found = _plugin_commands(ctx).get(cmd_name)
        return configurable(found) if found else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [
            (name, COMMANDS.get(name) or self._summary(ctx, name))
            for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Misconfigured as error:
            fail(str(error), code=2)
        except CaracalError as error:
            fail(str(error))
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)

    def _summary(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str() if command else ""


def _find(ctx: click.Context, name: str) -> None:
    """End the program where a command is a plugin's that is not enabled, saying whose it is."""
    if _plugin_commands(ctx).get(name) is None and not name.startswith("-"):
        from caracal_core.cli.plugin_commands import whose  # noqa: PLC0415 - heavy

        ctx.fail(f"No such command {name!r}. {whose(name)}".rstrip())


def _plugin_commands(ctx: click.Context) -> Mapping[str, click.Command]:
    """Return the commands of enabled plugins; asked once a run."""
    from caracal_core.cli.plugin_commands import LentCommandLine, commands_of  # noqa: PLC0415 - heavy
    from caracal_core.cli.session import load_configuration  # noqa: PLC0415 - heavy

    if _ADDED not in ctx.meta:
        ctx.meta[_ADDED] = commands_of(load_configuration(ctx), COMMANDS)
        ctx.obj = LentCommandLine(ctx)
    found: Mapping[str, click.Command] = ctx.meta[_ADDED]
    return found


cli = Root(
    "caracal",
    params=list(options()),
    help="An economic gateway for AI agents.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
click.version_option(package_name="caracal-core", prog_name="caracal")(cli)


def main() -> NoReturn:
    """Run the command line and exit: 0, 1 for refused or not found, 2 for misconfigured.

    Threads that hang, such as a plugin's in a dead mount, do not keep the process.
    """
    collect_rarely()
    open_standard_streams()
    try:
        cli.main(prog_name="caracal")
    except SystemExit as end:
        limit_the_exit(end.code if isinstance(end.code, int) else int(end.code is not None))
        raise
    except BaseException:
        limit_the_exit(1)
        raise
