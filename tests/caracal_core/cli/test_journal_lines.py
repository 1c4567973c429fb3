"""An entry is shown in plain words, and every command selects entries by the same options."""

import click
from click.testing import CliRunner

from caracal_core.builtin.ledger.entries import Entry
from caracal_core.builtin.ledger.selection import ALL, Selection
from caracal_core.cli.journal_lines import line, selecting
from caracal_core.testing.fakes import usd

MIDNIGHT = 1_795_392_000.0


def selected(*arguments):
    found = []

    @click.command()
    @selecting
    @click.option("--charge")
    @click.option("--limit", default=3)
    def command(selection, limit):
        found.append((selection, limit))

    ended = CliRunner().invoke(command, arguments)
    assert ended.exit_code == 0, ended.output
    return found[0]


def test_a_command_is_called_with_the_selection_and_its_own_options():
    assert selected() == (ALL, 3)
    words = "--agent a --under u --route r --charge c --since 2026-11-23 --until 2026-11-24"
    expected = Selection("a", "u", "r", MIDNIGHT, MIDNIGHT + 86_400, "c")
    assert selected(*words.split(), "--limit", "5") == (expected, 5)


def test_what_is_not_known_is_none():
    """Of a charge whose hold was lost, nobody knows whose it was."""
    entry = Entry(1, MIDNIGHT, "c", "posted", "", "", "", usd("0"), usd("1.5"), "reply")
    shown = line(entry)
    assert shown["at"] == "2026-11-23T00:00:00+00:00"
    assert (shown["agent"], shown["route"], shown["request"]) == (None, None, None)
    assert (shown["held"], shown["amount"], shown["currency"]) == ("0", "1.5", "USD")
