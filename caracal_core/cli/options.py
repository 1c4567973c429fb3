"""``--config`` and ``--set``: understood before a command's name and behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import click

_FILE = "caracal.file"
_OVERRIDES = "caracal.overrides"


def configurable(command: click.Command) -> click.Command:
    """Let a command, or every command of a group, take the options; return it.

    A command that declares one of them itself keeps its own.
    """
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            configurable(inner)
    else:
        declared = {name for parameter in command.params for name in parameter.opts}
        command.params += [option for option in options() if not declared & set(option.opts)]
    return command


def options() -> tuple[click.Option, ...]:
    """Return the two options; what they are given is remembered for `chosen_file` and others."""
    return (
        click.Option(
            ["--config"],
            metavar="FILE",
            expose_value=False,
            callback=_remember_file,
            help="Read this YAML file instead of the usual one.",
        ),
        click.Option(
            ["--set"],
            metavar="KEY=VALUE",
            multiple=True,
            expose_value=False,
            callback=_remember_overrides,
            help="Set one key, such as log_level=DEBUG, above every other source.",
        ),
    )


def foresee(ctx: click.Context, words: Sequence[str]) -> None:
    """Remember the options among words that click has not come to yet.

    Which commands there are depends on them: they name the configuration, which names the
    plugins that add commands.
    """
    given: dict[str, list[str]] = {"--config": [], "--set": []}
    left = iter(words)
    for word in left:
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if name in given:
            given[name] += [value] if equals else [*islice(left, 1)]
    for file in given["--config"]:
        ctx.meta[_FILE] = file
    texts = (text.partition("=") for text in given["--set"])
    ctx.meta.setdefault(_OVERRIDES, {}).update({key: value for key, _, value in texts if value})


def chosen_file(ctx: click.Context) -> str | None:
    """Return what ``--config`` names, if it was given."""
    file: str | None = ctx.meta.get(_FILE)
    return file


def overrides(ctx: click.Context) -> Mapping[str, str]:
    """Return what ``--set`` sets, by key."""
    return dict(ctx.meta.get(_OVERRIDES, {}))


def _remember_file(ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[_FILE] = value


def _remember_overrides(
    ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> None:
    for text in values:
        key, _, value = text.partition("=")
        if not (key and value):
            raise click.BadParameter("write KEY=VALUE", ctx)
        ctx.meta.setdefault(_OVERRIDES, {})[key] = value
