"""Every command line that a document shows is one that the program understands."""

import re
import shlex
from pathlib import Path

import click
import pytest

from caracal_core.cli.main import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("deploy/**/*.md"), *ROOT.glob("plugins/*/*.md")])
BLOCK = re.compile(r"^```(?:console|bash|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EVERY_MODE = "jwt,api_key"  # so that the plugins' commands are there
INLINE = re.compile(r"`(caracal [^`\n]+)`")
SEPARATORS = {"&&", "||", "|", ";", "&"}


def _shown(text):
    """Yield the command lines of a document, as lists of words."""
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    for line in lines + INLINE.findall(text):
        words = shlex.split(line.removeprefix("$ "), comments=True)
        while words:
            end = next((n for n, word in enumerate(words) if word in SEPARATORS), len(words))
            if end and words[0].rpartition("/")[2] == "caracal":
                yield words[1:end]
            words = words[end + 1 :]


def _understand(words):
    """Find the command and parse its options, without running anything.

    Raises:
        click.UsageError: there is no such command, option or argument.
    """
    context, command, name = click.Context(cli), cli, "caracal"
    while isinstance(command, click.Group):
        words = command.make_parser(context).parse_args(list(words))[1]
        if not words:
            return
        name, command, words = command.resolve_command(context, words)
        context = click.Context(command, parent=context, info_name=name)
    try:
        command.make_context(name, list(words), parent=context.parent)
    except click.MissingParameter:
        raise
    except click.BadParameter:
        """A placeholder, or a file that is not here."""


COMMANDS = [
    pytest.param(words, id=f"{document.relative_to(ROOT)}: {' '.join(words)}")
    for document in DOCUMENTS
    for words in _shown(document.read_text())
]


@pytest.mark.parametrize("words", COMMANDS)
def test_it_is_understood(words, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTH_MODE", EVERY_MODE)
    _understand(words)


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-command"],
        ["db", "no-such-command"],
        ["check", "--no-such-option"],
        ["check", "too", "many", "arguments"],
        ["budgets", "set"],
    ],
)
def test_what_does_not_exist_is_not_understood(words):
    with pytest.raises(click.UsageError):
        _understand(words)


def test_command_lines_are_found_wherever_they_stand():
    text = "`caracal check`\n```console\n$ cd x && .venv/bin/caracal db status | head\n```\n"
    assert list(_shown(text)) == [["db", "status"], ["check"]]
