"""``caracal ledger seal|checkpoint|verify``: tampering ends with 1 and its first row is named."""

from __future__ import annotations

import asyncio
import json
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from caracal_core.storage.database import open_database
from caracal_core.storage.postgresql import connect
from caracal_core.storage.prices import configured

ENTER = """
INSERT INTO entries (charge, kind, agent, route, request, currency, held_micro, amount_micro,
                     cause, created_at)
VALUES ($1, 'posted', 'alice', 'chat', 'q', 'USD', 1500000, 250000, 'reply', 1795392000.5)
"""
PLAIN = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def run_sql(config, *statements):
    """Run statements past the triggers, as the database's owner can."""

    async def sqlite():
        async with open_database(config) as database:
            for table in ("entries", "seals", "prices"):
                for what in ("changed", "removed"):
                    await database.execute(f"DROP TRIGGER IF EXISTS {table}_are_not_{what}")
            for statement in statements:
                await database.execute(statement)

    async def postgresql():
        async with connect(config) as connection:
            for table in ("entries", "seals", "prices"):
                await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement in statements:
                await connection.execute(statement)

    asyncio.run(sqlite() if config.embedded else postgresql())


def entered(config, first, last):
    async def enter():
        async with open_database(config) as database:
            for number in range(first, last):
                await database.execute(ENTER, f"c{number}")

    asyncio.run(enter())


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key.pem"
    path.write_bytes(Ed25519PrivateKey.generate().private_bytes(*PLAIN))
    return path


@pytest.fixture
def ledger(caracal, storage_config, storage_environment, key_file):
    """Run ``caracal ledger`` against each store; expect an exit code; return all that it said."""

    def ledger(*arguments, code=0, **environment):
        known = {"CARACAL_SIGNING_KEY_FILE": str(key_file), **environment}
        store = storage_environment(storage_config)
        ended = caracal("ledger", *arguments, environment={**store, **known})
        assert ended.returncode == code, ended.stderr
        assert "Traceback" not in ended.stderr
        return ended.stdout + ended.stderr

    return ledger


@pytest.fixture
def sealed(ledger, storage_config, tmp_path):
    """Six entries under a seal, a checkpoint of it in a file, and three entries more."""
    entered(storage_config, 0, 6)
    assert ledger("seal") == "Everything that was entered is sealed.\n"
    path = tmp_path / "checkpoint"
    assert "Wrote" in ledger("checkpoint", "--out", str(path))
    entered(storage_config, 6, 9)
    return path


def test_an_empty_ledger_verifies(ledger):
    assert ledger("verify").startswith("0 entries under 0 seals are as they were sealed.")
    assert "Nothing is sealed yet" in ledger("checkpoint", code=1)


def test_what_is_as_it_was_is_said_to_be(ledger, sealed, tmp_path):
    """With one's own key, and elsewhere with the public one."""
    assert ledger("verify", "--checkpoint", str(sealed)) == (
        "6 entries under 1 seals are as they were sealed. Checkpoints of 1 seals are reached, the "
        "last is of 1. 3 entries are not sealed yet.\n"
    )
    public = tmp_path / "public.pem"
    public.write_text(ledger("public-key"))
    elsewhere = ("verify", "--checkpoint", str(sealed), "--public-key", str(public), "--json")
    assert json.loads(ledger(*elsewhere, CARACAL_SIGNING_KEY_FILE="")) == {
        "sound": True, "fault": None, "seal": None, "entry": None, "entries": 6, "seals": 1,
        "last_id": 6, "unsealed": 3, "checkpoints": [1], "archives": [],
    }  # fmt: skip
    assert "no public key is known" in ledger("verify", CARACAL_SIGNING_KEY_FILE="")


def test_a_changed_row_is_named(ledger, sealed, storage_config):
    run_sql(
        storage_config,
        "UPDATE entries SET amount_micro = 1 WHERE id = 5",
        "DELETE FROM entries WHERE id = 6",
    )
    assert "entry 5 was changed (seal 1)" in ledger("verify", code=1)
    said = ledger("verify", "--json", code=1)
    found = json.loads(said[: said.index("\n}") + 2])
    assert (found["sound"], found["seal"], found["entry"]) == (False, 1, 5)


def test_a_tail_that_was_cut_off_behind_the_backs_is_missed(ledger, sealed, storage_config):
    """With the stored checkpoints gone too, the exported one still tells."""
    run_sql(storage_config, "DELETE FROM seals", "DELETE FROM entries", "DELETE FROM spend_days")
    assert "before the checkpoint 1" in ledger("verify", code=1)
    if storage_config.embedded:
        run_sql(storage_config, "DROP TRIGGER checkpoints_are_not_removed",
                "DELETE FROM checkpoints")  # fmt: skip
    else:
        run_sql(storage_config, "ALTER TABLE checkpoints DISABLE TRIGGER USER",
                "DELETE FROM checkpoints")  # fmt: skip
    assert "0 entries" in ledger("verify")
    assert "before the checkpoint 1" in ledger("verify", "--checkpoint", str(sealed), code=1)


def test_a_price_that_is_not_the_one_of_its_name_is_named(ledger, sealed, storage_config):
    """Of the configuration's versions; others are named by a number, which says nothing."""
    name, terms = configured("flat", '{"per_call":"1"}'), '{"per_call":"1"}'
    insert = "INSERT INTO prices (tariff, version, terms, created_at) VALUES"
    run_sql(storage_config, f"{insert} ('flat', '{name}', '{terms}', 0), ('flat', '1', '[]', 0)")
    assert "are as they were sealed" in ledger("verify")
    run_sql(storage_config, "UPDATE prices SET terms = '{}'")
    assert f"the terms of flat@{name} are not those it is named by" in ledger("verify", code=1)


def test_a_checkpoint_of_somebody_else_is_refused(ledger, sealed, tmp_path):
    other = tmp_path / "other.pem"
    other.write_bytes(Ed25519PrivateKey.generate().private_bytes(*PLAIN))
    public = tmp_path / "public.pem"
    public.write_text(ledger("public-key", CARACAL_SIGNING_KEY_FILE=str(other)))
    wanted = ("verify", "--public-key", str(public))
    assert "the stored checkpoint 1 is not genuine" in ledger(*wanted, code=1)
    assert "is no genuine checkpoint" in ledger(*wanted, "--checkpoint", str(sealed), code=1)
    for path, content in ((tmp_path / "x", b"\xff"), (tmp_path / "y", b"a.b")):
        path.write_bytes(content)
        assert "is no genuine checkpoint" in ledger("verify", "--checkpoint", str(path), code=1)
        assert "no Ed25519 public key" in ledger("verify", "--public-key", str(path), code=1)


def test_an_exported_file_is_never_overwritten(ledger, sealed):
    before = sealed.read_bytes()
    assert "cannot be written" in ledger("checkpoint", "--out", str(sealed), code=1)
    assert sealed.read_bytes() == before
    assert ledger("checkpoint").count(".") == 2


def test_without_a_key_nothing_is_signed(ledger, sealed):
    for command in ("checkpoint", "public-key"):
        said = ledger(command, code=2, CARACAL_SIGNING_KEY_FILE="")
        assert "CARACAL_SIGNING_KEY_FILE" in said
    wanted = ("verify", "--checkpoint", str(sealed))
    assert "--public-key" in ledger(*wanted, code=2, CARACAL_SIGNING_KEY_FILE="")


def test_the_key_that_openssl_makes_is_one(ledger, sealed, tmp_path):
    """As the error says."""
    path = tmp_path / "made.pem"
    command = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)]
    subprocess.run(command, check=True)  # noqa: S603 - a fixed command
    assert "BEGIN PUBLIC KEY" in ledger("public-key", CARACAL_SIGNING_KEY_FILE=str(path))
