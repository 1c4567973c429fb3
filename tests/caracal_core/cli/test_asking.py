"""What the store cannot grant ends a command with 1 and one readable paragraph."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from caracal_core.builtin.ledger.errors import LedgerError
from caracal_core.cli import asking
from caracal_core.cli.asking import ask
from caracal_core.storage.accounts import AccountError
from caracal_core.storage.revocations import RevocationError


@pytest.fixture
def asked(monkeypatch):
    """Ask a question that ends in the given way; return what the command printed."""

    def asked(question):
        monkeypatch.setattr(asking, "run", lambda _ctx, work: work("database", "loaded"))

        @click.command()
        @click.pass_context
        def command(ctx):
            click.echo(ask(ctx, question))

        return CliRunner().invoke(command)

    return asked


def test_the_answer_is_handed_on(asked):
    """The question gets the database and nothing else."""
    assert asked(lambda database: f"from the {database}").output == "from the database\n"


@pytest.mark.parametrize(
    "error",
    [AccountError("No such account."), LedgerError("No budget."), RevocationError("No scheme.")],
)
def test_a_wish_that_cannot_be_granted_ends_with_1(asked, error):
    def question(_database):
        raise error

    result = asked(question)
    assert (result.exit_code, result.stderr, result.stdout) == (1, f"{error}\n", "")
