"""The program: what it lists, what it imports, and its exit codes, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import click
import pytest

from caracal_core.cli.main import COMMANDS, cli

BROKEN = """
from caracal_core.plugin import Config, Plugin, hookimpl


class ThePlugin(Plugin):
    @hookimpl
    def commands(self, cli):
        {body}
"""

GREET = BROKEN.format(
    body="""
        import click

        @cli.command("greet")
        @click.option("--name", default="you")
        def greet(name):
            '''Say hello.'''
            click.echo(f"hello {name}")
"""
)

REFUSE = BROKEN.format(
    body="""
        from caracal_core.errors import CaracalError

        @cli.command("refuse")
        def refuse():
            raise CaracalError("There is no such thing.")
"""
)


def test_help_names_every_command_and_version_the_version(caracal):
    told = caracal("--help")
    assert told.returncode == 0
    assert all(f"  {name} " in told.stdout for name in COMMANDS)
    assert caracal("--version").stdout.startswith("caracal, version 1.")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_cores_own_can_be_imported(caracal, name):
    told = caracal(name, "--help")
    assert told.returncode == 0, told.stderr


def test_help_and_version_import_nothing_heavy():
    code = (
        "import sys; from caracal_core.cli.main import cli\n"
        "assert not {'sanic', 'tortoise', 'asyncpg', 'pydantic', 'aiohttp'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)  # noqa: S603 - our own code


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "told"),
    [
        (["check"], {"AUTH_MODE": "nope"}, 2, "no installed plugin serves the mode nope"),
        (["check"], {"DB_NAME": "caracal"}, 2, "DB_HOST: it is empty or absent"),
        (["plugins", "--config", "none.yaml"], {}, 2, "none.yaml: does not exist"),
        (["config", "show", "--set", "log_lvel=DEBUG"], {}, 2, "Did you mean log_level?"),
        (["nope"], {}, 2, "No such command 'nope'"),
        (["check", "--nope"], {}, 2, "No such option"),
    ],
)
def test_what_is_misconfigured_exits_with_2_in_words(caracal, arguments, environment, code, told):
    result = caracal(*arguments, environment=environment)
    assert result.returncode == code
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_what_fails_exits_with_1_in_words(caracal):
    """PostgreSQL is not there."""
    environment = {"DB_HOST": "127.0.0.1", "DB_PORT": "1", "DB_POOL_TIMEOUT": "1"}
    result = caracal("db", "status", environment=environment)
    assert result.returncode == 1
    assert result.stderr
    assert "Traceback" not in result.stderr


def test_an_enabled_plugin_adds_its_commands(caracal, packages):
    packages.add("acme", code=GREET)
    environment = {"PYTHONPATH": str(packages.directory), "PLUGINS": "acme"}
    assert caracal("greet", "--name", "me", environment=environment).stdout == "hello me\n"
    help_ = caracal("--help", environment=environment).stdout
    assert ["greet", "Say", "hello."] in [line.split() for line in help_.splitlines()]


@pytest.mark.parametrize(
    "words",
    [["--config", "other.yaml"], ["--config=other.yaml"], ["--set", "plugins=acme"]],
)
def test_an_option_behind_a_plugins_command_may_enable_the_plugin(
    caracal, packages, tmp_path, words
):
    packages.add("acme", code=GREET)
    (tmp_path / "other.yaml").write_text("plugins: [acme]")
    environment = {"PYTHONPATH": str(packages.directory)}
    assert caracal("greet", "--name", "me", *words, environment=environment).stdout == "hello me\n"
    assert caracal("greet", "--", *words, environment=environment).returncode == 2


def test_what_a_plugins_command_refuses_exits_with_1_in_words(caracal, packages):
    packages.add("acme", code=REFUSE)
    environment = {"PYTHONPATH": str(packages.directory), "PLUGINS": "acme"}
    result = caracal("refuse", environment=environment)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "There is no such thing.\n")


def test_an_installed_plugin_that_is_not_enabled_adds_nothing(caracal, packages):
    packages.add("acme", code=GREET)
    result = caracal("greet", environment={"PYTHONPATH": str(packages.directory)})
    assert result.returncode == 2
    assert "No such command 'greet'" in result.stderr


@pytest.mark.parametrize(
    ("command", "plugin", "mode"),
    [("keys", "auth_apikey", "api_key"), ("token", "auth_jwt", "jwt")],
)
def test_a_command_of_ours_that_is_not_enabled_says_whose_it_is(caracal, command, plugin, mode):
    """It vanishes with its mode, and nobody would know where to."""
    environment = {"AUTH_MODE": "mtls"}
    inner = {"keys": "list", "token": "mint"}[command]
    result = caracal(command, inner, environment=environment)
    assert result.returncode == 2
    assert f"No such command '{command}'. {plugin} has it" in result.stderr
    assert f"Add {mode} to AUTH_MODE" in result.stderr
    tried = caracal(
        command, inner, "--set", f"auth_trial={mode}", "--help", environment=environment
    )
    assert tried.returncode == 0, tried.stderr


def test_a_command_that_nobody_knows_may_be_a_strangers(caracal, packages):
    packages.add("acme", code=GREET)
    result = caracal("greet", environment={"PYTHONPATH": str(packages.directory)})
    assert "may have it, if it is enabled: acme." in result.stderr


def test_every_commands_short_help_is_one_whole_sentence():
    """A list of commands must not cut what it says of them, on a terminal of 80 columns."""
    context = click.Context(cli)
    context.meta["caracal.overrides"] = {"auth_mode": "jwt,api_key"}
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        _assert_whole(COMMANDS.get(name) or command.get_short_help_str(80), command)


def _assert_whole(said, command):
    assert said.endswith("."), (command.name, said)
    assert not said.endswith("..."), (command.name, said)
    assert len(said) <= 62, (command.name, said)
    for inner in getattr(command, "commands", {}).values():
        _assert_whole(inner.get_short_help_str(80), inner)


@pytest.mark.parametrize("body", ["raise ValueError('x')", "cli.add_command(cli, 'check')"])
def test_a_plugin_that_breaks_the_command_line_stops_only_its_own(caracal, packages, body):
    """The commands that explain what is wrong still work."""
    packages.add("acme", code=BROKEN.format(body=body))
    environment = {"PYTHONPATH": str(packages.directory), "PLUGINS": "acme"}
    assert caracal("--help", environment=environment).returncode == 0
    assert caracal("config", "show", environment=environment).returncode == 0
    result = caracal("greet", environment=environment)
    assert result.returncode == 2
    assert result.stderr.startswith("plugin acme: ")


def test_a_broken_configuration_leaves_help_and_is_explained_by_check(caracal):
    environment = {"AUTH_MODE": "nope"}
    assert "check" in caracal("--help", environment=environment).stdout
    assert caracal("greet", environment=environment).stderr.startswith("auth_mode: ")


def test_an_interrupt_is_quiet(packages, tmp_path):
    packages.add(
        "acme",
        code=BROKEN.format(
            body="""
        @cli.command("wait")
        def wait():
            import time
            print("ready", flush=True)
            while True:  # one long wait could begin just after the signal
                time.sleep(0.01)
"""
        ),
    )
    environment = {**os.environ, "PYTHONPATH": str(packages.directory), "PLUGINS": "acme"}
    process = subprocess.Popen(
        [sys.executable, "-c", "from caracal_core.cli.main import main; main()", "wait"],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background has interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told == ""


@pytest.mark.parametrize(
    "words", [("--help",), ("chekc",), ("check",), ("agents", "list"), ("agents", "register", "a")]
)
def test_the_installed_program_says_what_the_loaded_one_says(caracal, program, words):
    """Most tests of the command line fork one that has its code loaded already."""
    told = [(ended.returncode, ended.stdout, ended.stderr) for ended in (
        run(*words) for run in (program, caracal)
    )]  # fmt: skip
    assert told[0] == told[1]
