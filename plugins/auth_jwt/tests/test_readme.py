"""README's table is the model's, and its commands and code do what they say."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from pydantic_core import PydanticUndefined

from caracal_auth_jwt.algorithms import ALGORITHMS
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.issuer_config import IssuerConfig
from caracal_auth_jwt.plugin import JwtPlugin
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.ports import Clock
from caracal_core.testing.fakes import FakeHttp, a_services

README = Path(__file__).parents[1] / "README.md"
ROW = re.compile(r"^\| `(\w+)` \| (?:`(\w+)`)? ?\| (?:`(.+?)`)? ?\| (.+) \|$", re.MULTILINE)


ISSUER_ROW = re.compile(r"^\| `(\w+)` \| (?:`(\w+)`)? ?\| ([^|]+) \|$", re.MULTILINE)


def blocks(language):
    """Return README's code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


def block(language):
    """Return README's first code block of a language."""
    return blocks(language)[0]


def environment_name(field):
    """Return the ConfigMap's key of a setting, or nothing."""
    return (field.json_schema_extra or {}).get("env", [""])[0]


def shown(value):
    """Return a default as the table shows it."""
    if value is PydanticUndefined or value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)


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


def test_the_table_of_an_issuers_settings_is_the_models():
    """As above, without ConfigMap names."""
    fields = IssuerConfig.model_fields.items()
    expected = [(name, shown(field.default), field.description) for name, field in fields]
    assert ISSUER_ROW.findall(README.read_text()) == expected


def test_the_issuers_of_the_second_configmap_are_accepted():
    """Every key in it is a setting, and the two issuers go together."""
    data = yaml.safe_load(blocks("yaml")[1])["data"]
    section = yaml.safe_load(data["caracal.yaml"])
    assert section["auth_mode"] == "jwt"
    config = JwtConfig(**section["auth_jwt"])
    assert [issuer.single_use for issuer in config.issuers] == [False, True]


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


@pytest.fixture(params=["command", "program"])
def token(request, tmp_path):
    """What the last command prints, and what the Python block does; both run as they stand."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    commands = {
        "command": ["/bin/sh", "-ec", block("sh")],
        "program": [sys.executable, "-c", block("python")],
    }
    printed = {}
    for name, command in commands.items():
        run = subprocess.run(  # noqa: S603 - README's own commands
            command,
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
            env={"PATH": programs},
        )
        printed[name] = run.stdout.strip()
    return printed[request.param]


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
    common = {"audience": "caracal", "agents": "*", "algorithms": ["RS256"]}
    file, url = {"public_key_file": path}, {"jwks_url": "https://idp.example/jwks.json"}
    entries = [{"issuer": name, **common, **keys} for name, keys in (("a", file), ("b", url))]
    http = FakeHttp()
    http.put(url["jwks_url"], json.dumps({"keys": [issuer.key.as_dict(private=False)]}).encode())
    plugin = JwtPlugin(JwtConfig(issuers=entries))
    metrics = book.labelled("caracal_auth_jwt")
    async with plugin.lifespan(a_services(metrics=metrics, http=http)):
        scraped = book.expose().decode()
    named = re.findall(r"`(caracal_auth_jwt_\S+?)`", README.read_text())
    assert len(named) == 3
    assert [name for name in named if f"\n{name} 0.0\n" in scraped] == named
