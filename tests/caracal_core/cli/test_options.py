"""--config and --set are understood before a command's name and behind it, at any depth."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from caracal_core.cli.options import chosen_file, configurable, foresee, options, overrides


@click.command("leaf")
@click.pass_context
def leaf(ctx):
    click.echo(f"{chosen_file(ctx)} {dict(overrides(ctx))}")


@click.command("own")
@click.option("--config", type=int)
@click.pass_context
def own(ctx, config):
    click.echo(f"{config} {chosen_file(ctx)}")


@pytest.fixture
def cli():
    inner = click.Group("inner", commands={"leaf": leaf, "own": own})
    root = click.Group("root", commands={"inner": inner, "leaf": leaf}, params=list(options()))
    configurable(configurable(root))
    return lambda *arguments: CliRunner().invoke(root, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--config", "a.yaml", "--set", "x=1", "inner", "leaf"),
        ("inner", "leaf", "--config", "a.yaml", "--set", "x=1"),
        ("--set", "x=1", "leaf", "--config=a.yaml"),
        ("--config", "b.yaml", "--set", "x=2", "leaf", "--config", "a.yaml", "--set", "x=1"),
    ],
)
def test_they_may_stand_anywhere_and_the_last_wins(cli, arguments):
    assert cli(*arguments).output == "a.yaml {'x': '1'}\n"


def test_several_keys_may_be_set_and_a_value_may_hold_an_equals_sign(cli):
    assert cli("--set", "x=1", "leaf", "--set", "y=a=b").output == "None {'x': '1', 'y': 'a=b'}\n"


def test_without_them_nothing_is_chosen(cli):
    assert cli("leaf").output == "None {}\n"


@pytest.mark.parametrize("text", ["x", "=1", "x=", ""])
def test_what_sets_nothing_is_refused(cli, text):
    result = cli("leaf", "--set", text)
    assert result.exit_code == 2
    assert "write KEY=VALUE" in result.output


def test_a_command_keeps_its_own_option_of_the_name(cli):
    assert cli("inner", "own", "--config", "3").output == "3 None\n"


def test_help_shows_them_once(cli):
    assert cli("leaf", "--help").output.count("--config") == 1


@pytest.mark.parametrize(
    ("words", "file", "keys"),
    [
        (
            ["list", "--config", "a.yaml", "--set", "x=1", "--set=y=2"],
            "a.yaml",
            "{'x': '1', 'y': '2'}",
        ),
        (["--config=b.yaml", "list", "--", "--config", "a.yaml"], "b.yaml", "{}"),
        (["list", "--config"], "None", "{}"),
        (["list", "--set", "x"], "None", "{}"),
    ],
)
def test_they_are_foreseen_among_words_to_come(words, file, keys):
    """A plugin's command is found by the configuration that they name."""
    ctx = click.Context(leaf)
    foresee(ctx, words)
    assert f"{chosen_file(ctx)} {dict(overrides(ctx))}" == f"{file} {keys}"
