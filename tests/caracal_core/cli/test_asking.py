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


@pytest.mark.parametrize(
    "words",
    [
        ("agents", "show", "nobody"),
        ("agents", "disable", "nobody"),
        ("agents", "register", "x", "--parent", "nobody"),
        ("budgets", "set", "nobody", "1", "USD"),
        ("budgets", "list", "nobody"),
        ("budgets", "remove", "nobody", "USD"),
        ("charges", "list", "--agent", "nobody"),
        ("ledger", "query", "--agent", "nobody"),
        ("revocations", "add", "--agent", "nobody"),
    ],
    ids=" ".join,
)
def test_whom_nobody_registered_every_command_words_alike(
    caracal, sqlite_config, storage_environment, words
):
    """Also where an empty list would look like an answer."""
    told = caracal(*words, environment=storage_environment(sqlite_config))
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == "'nobody' is not registered; `caracal agents list` shows who is.\n"


def test_a_minted_token_of_whom_nobody_registered_is_warned_of(
    caracal, sqlite_config, storage_environment, tmp_path
):
    """It is minted all the same: whoever tries the gateway out may register the agent next."""
    environment = storage_environment(sqlite_config)
    caracal("certs", "init", "certs", environment=environment)
    environment |= {"JWT_PUBLIC_KEY_PATH": str(tmp_path / "certs" / "jwt_public.pem")}
    caracal("agents", "register", "off", environment=environment)
    caracal("agents", "disable", "off", environment=environment)
    for agent, doubt in (("nobody", "'nobody' is not registered"), ("off", "'off' is disabled")):
        told = caracal(
            *("token", "mint", agent, "--key", "certs/jwt_private.pem"), environment=environment
        )
        assert (told.returncode, told.stdout.count(".")) == (0, 2), told.stderr
        assert told.stderr.startswith(f"Warning: the gateway would refuse this token now: {doubt}")
        assert told.stderr.count("Warning") == 1
