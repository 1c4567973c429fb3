"""README's table is the model's, and what it shows can be used as it stands."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from caracal_auth_apikey.config import ApiKeyConfig
from caracal_auth_apikey.key_text import generate
from caracal_auth_apikey.plugin import ApiKeyPlugin
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.cli.main import cli
from caracal_core.config.deployment import DEPLOYMENT_KEYS
from caracal_core.testing.fakes import a_services

README = (Path(__file__).parents[1] / "README.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| `(.+?)` \| (.+) \|$", re.MULTILINE)


def blocks(language):
    """Return README's code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_table_of_settings_is_the_models():
    """Keys, defaults and meanings, in order, none missing."""
    fields = ApiKeyConfig.model_fields.items()
    expected = [(name, str(field.default), field.description) for name, field in fields]
    assert ROW.findall(README) == expected


def test_the_expression_for_scanners_finds_keys():
    expression = blocks("text")[0].strip()
    assert re.fullmatch(expression, generate().text)


def test_the_configmap_holds_names_that_exist():
    (block,) = blocks("yaml")
    data = yaml.safe_load(block)["data"]
    assert data["AUTH_MODE"] == "api_key"
    assert set(data) <= DEPLOYMENT_KEYS


def test_its_commands_do_what_they_say(environment):
    """One after another on one store; the id that it shows stands for the first key's."""
    env = {"AUTH_MODE": "api_key", **environment}
    names = []
    for line in blocks("console")[1].splitlines():
        words = shlex.split(line)[1:]
        named = [names[0] if word == "abcdefghijklmnop" else word for word in words]
        result = CliRunner(env=env).invoke(cli, named)
        assert result.exit_code == 0, result.stderr
        names += re.findall(r"Its id is (\w{16})", result.stderr)
    assert len(names) == 3


def test_its_hash_key_is_one(environment, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (block,) = blocks("sh")
    subprocess.run(["/bin/sh", "-ec", block], cwd=tmp_path, check=True)  # noqa: S603 - README's own
    file = {"CARACAL_HASH_KEY_FILE": str(tmp_path / "hash.key")}
    runner = CliRunner(env={"AUTH_MODE": "api_key", **environment, **file})
    assert runner.invoke(cli, ["agents", "register", "research-1"]).exit_code == 0
    assert runner.invoke(cli, ["keys", "issue", "research-1"]).exit_code == 0


async def test_the_metrics_that_it_names_are_published_from_the_start(desk):
    """As a scrape of the operations port shows them."""
    book = MetricsBook()
    services = a_services(database=desk.database, metrics=book.labelled("caracal_auth_apikey"))
    async with ApiKeyPlugin(ApiKeyConfig()).lifespan(services):
        scraped = book.expose().decode()
    named = re.findall(r"`(caracal_auth_apikey_\S+?)`", README)
    assert len(named) == 3
    assert [name for name in named if f"\n{name} 0.0\n" in scraped] == named
