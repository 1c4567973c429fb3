"""README's table is the model's, and its commands and code do what they say."""

import asyncio
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from caracal_auth_jwt.config import ALGORITHMS, JwtConfig
from caracal_auth_jwt.plugin import JwtPlugin
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.ports import Clock
from caracal_core.testing.fakes import a_services

README = Path(__file__).parents[1] / "README.md"
ROW = re.compile(r"^\| `(\w+)` \| (?:`(\w+)`)? ?\| (?:`(.+?)`)? ?\| (.+) \|$", re.MULTILINE)


def block(language):
    """Return README's only code block of a language."""
    (found,) = re.findall(
        rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL
    )
    return found


def environment_name(field):
    """Return the ConfigMap's key of a setting, or nothing."""
    return (field.json_schema_extra or {}).get("env", [""])[0]


def shown(value):
    """Return a default as the table shows it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value or "")


def test_the_table_of_settings_is_the_models():
    """Keys, ConfigMap names, defaults and meanings, in order, none missing."""
    fields = JwtConfig.model_fields
    expected = [
        (
            name,
            ((field.json_schema_extra or {}).get("env") or [""])[0],
            shown(field.default),
            field.description,
        )
        for name, field in fields.items()
    ]
    assert ROW.findall(README.read_text()) == expected


def test_every_algorithm_is_named():
    """In the sentence below the table."""
    sentence = re.search(r"`algorithm` is one of (.*?)\.", README.read_text(), re.DOTALL).group(1)
    assert re.findall(r"\w+\d+|EdDSA", sentence) == list(ALGORITHMS)


def test_the_configmap_holds_names_that_exist_and_values_that_are_accepted():
    """Every JWT_* key in it is a setting."""
    data = yaml.safe_load(block("yaml"))["data"]
    names = {environment_name(field): name for name, field in JwtConfig.model_fields.items()}
    del names[""]
    assert data.pop("AUTH_MODE") == "jwt"
    config = JwtConfig(**{names[key]: value for key, value in data.items()})
    assert set(data) == set(names)
    assert config.issuer == "https://idp.example"


class RealClock(Clock):
    """The time of day, since README's token is good for ten minutes of it."""

    def now(self):
        return time.time()

    def monotonic(self):
        return time.monotonic()


@pytest.fixture
def token(tmp_path):
    """What the Python block prints after the openssl commands; both run as they stand."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    for command in (["/bin/sh", "-ec", block("sh")], [sys.executable, "-c", block("python")]):
        run = subprocess.run(  # noqa: S603 - README's own commands
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        )
    return run.stdout.strip()


async def test_the_commands_make_a_key_and_a_token_that_proves_its_agent(tmp_path, token, bearer):
    """The gateway that pinned the public half accepts the token."""
    config = JwtConfig(
        public_key_path=tmp_path / "jwt_public.pem",
        issuer="https://idp.example",
        audience="caracal",
    )
    plugin, services = JwtPlugin(config), a_services(clock=RealClock())
    (authenticator,) = plugin.authenticators(services)
    async with plugin.lifespan(services):
        assert (await authenticator.authenticate(bearer(token))).id == "research-1"


async def test_the_metrics_that_it_names_are_published_from_the_start(tmp_path, issuer):
    """As a scrape of the operations port shows them."""
    path, book = tmp_path / "key.pem", MetricsBook()
    path.write_bytes(issuer.public_pem)
    plugin = JwtPlugin(JwtConfig(public_key_path=path))
    async with plugin.lifespan(a_services(metrics=book.labelled("caracal_auth_jwt"))):
        await asyncio.sleep(0)  # lets the follower of the file take its first step
        scraped = book.expose().decode()
    named = re.findall(r"`(caracal_auth_jwt_\S+?)`", README.read_text())
    assert len(named) == 2
    assert [name for name in named if f"\n{name} 0.0\n" in scraped] == named
