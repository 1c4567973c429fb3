"""What the README says of PostgreSQL is done as it stands there, over the server's socket."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from caracal_core.assembly import discovery
from caracal_core.config.load import load
from caracal_core.config.sources import locate

README = (Path(__file__).parents[2] / "README.md").read_text()
SOCKET = "/var/run/postgresql"
ACTS = re.compile(r"^\$ (.*?)(?: +#.*)?$", re.MULTILINE)
SMALLEST = {
    "auth_jwt": {"public_key_path": "/dev/null"},
    "tariffs": {"llm_call": {"currency": "USD", "per_call": "1"}},
}


def shown(word, language):
    """Return the one block that has the word."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if word in block]
    return block


def test_the_section_means_what_it_says(tmp_path):
    """And the environment's words win over it."""
    file, secrets = tmp_path / "caracal.yaml", tmp_path / "settings"
    file.write_text(yaml.safe_dump(SMALLEST) + shown("database: {host", "yaml"))
    secrets.mkdir()
    (secrets / "DB_PASSWORD").write_text("from a file")
    environment = {"CARACAL_SETTINGS_DIR": str(secrets), "DB_NAME": "other"}
    database = load(locate(environment, str(file)).read(), discovery).core.database
    assert (database.host, database.name, database.user) == ("db.example", "other", "caracal")
    assert database.password.get_secret_value() == "from a file"
    assert (database.port, database.pool_size) == (5432, 10)
    assert (database.max_overflow, database.pool_timeout) == (5, 30)


@pytest.fixture
def typed(postgresql, tmp_path):
    """Do a shown block against a blank database; return what it printed."""
    (tmp_path / "caracal.yaml").write_text(yaml.safe_dump(SMALLEST))
    (tmp_path / "db-password").write_text("asked for by nobody on a socket\n")
    programs = [str(Path(sys.executable).parent), str(postgresql.programs), os.environ["PATH"]]
    with postgresql.database() as config:
        mine = {
            SOCKET: str(postgresql.directory / "data"),
            "DB_NAME=caracal": f"DB_NAME={config.name}",
            "DB_USER=caracal": "DB_USER=postgres",
            '" caracal': f'" {config.name}',
        }

        def typed(block, *before, fails=False):
            text = "\n".join([*before, *ACTS.findall(block)])
            for theirs, ours in mine.items():
                text = text.replace(theirs, ours)
            done = subprocess.run(  # noqa: S603 - what the README shows
                ["bash", "-euo", "pipefail", "-c", text],  # noqa: S607 - as people do
                cwd=tmp_path,
                env={
                    "PATH": os.pathsep.join(programs),
                    "DB_PORT": str(config.port),
                    "PGPORT": str(config.port),
                    "PGUSER": "postgres",
                },
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert bool(done.returncode) is fails, done.stderr
            return done.stderr if fails else done.stdout

        yield typed


def test_the_commands_do_what_they_say(typed, tmp_path):
    """From a blank database to a current one, and back over what a gateway wrote at its start."""
    setup = shown("DB_HOST=", "console")
    assert "is current" in typed(setup)
    exports = [line.removeprefix("$ ") for line in setup.splitlines() if "export" in line]
    price = "echo '{currency: USD, per_call: \"2\"}' | caracal prices set llm_call -"
    typed("", *exports, price)
    refused = typed("$ caracal db migrate down --yes\n", *exports, fails=True)
    assert "the table prices has rows" in refused
    back = shown("DELETE FROM prices", "console").replace("migrate down", "migrate down --yes")
    assert "Undid caracal/6_prices." in typed(back, *exports)
    assert [row["version"] for row in json.loads((tmp_path / "llm_call.json").read_text())] == ["1"]
