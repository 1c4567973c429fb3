"""README's table is the model's, and its configuration and commands do what they say."""

import asyncio
import re
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from caracal_auth_mtls.config import MtlsConfig
from caracal_auth_mtls.plugin import MtlsPlugin
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.testing.fakes import FakeClock, a_request, a_services

README = Path(__file__).parents[1] / "README.md"
ROW = re.compile(r"^\| `(\w+)` \| (?:`(\w+)`)? ?\| (?:`(.+?)`)? ?\| (.+) \|$", re.MULTILINE)


def block(language):
    """Return README's only code block of a language."""
    (found,) = re.findall(
        rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL
    )
    return found


def shown(value):
    """Return a default as the table shows it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value)


def test_the_table_of_settings_is_the_models():
    """Keys, ConfigMap names, defaults and meanings, in order, none missing."""
    expected = [
        (
            name,
            ((field.json_schema_extra or {}).get("env") or [""])[0],
            shown(field.default),
            field.description,
        )
        for name, field in MtlsConfig.model_fields.items()
    ]
    assert ROW.findall(README.read_text()) == expected


def test_the_configmap_is_accepted():
    data = yaml.safe_load(block("yaml"))["data"]
    assert data["AUTH_MODE"] == "mtls,jwt"
    section = yaml.safe_load(data["caracal.yaml"])["auth_mtls"]
    config = MtlsConfig.model_validate(section | {"crl_file": data["MTLS_CRL_FILE"]})
    workload = [each.agent("spiffe://corp.example/ns/batch/sa/x") for each in config.patterns]
    assert workload == [None, "batch/x", None]


@pytest.fixture
def by_hand(tmp_path):
    """Run README's commands; return the agent's certificate and its authority's (DER)."""
    done = subprocess.run(  # noqa: S603 - README's own commands
        ["/bin/sh", "-ec", block("sh")], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pems = ((tmp_path / name).read_bytes() for name in ("agent.crt", "ca.crt"))
    return [x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER) for pem in pems]


async def test_the_commands_make_a_certificate_that_proves_its_agent(by_hand):
    """In strict mode, with the defaults."""
    own, authority = by_hand
    services = a_services(clock=FakeClock(time.time()), authorities=lambda: (authority,))
    (authenticator,) = MtlsPlugin(MtlsConfig()).authenticators(services)
    request = a_request(certificate=own, issuers=(authority,))
    assert (await authenticator.authenticate(request)).id == "research-1"


async def test_the_metrics_that_it_names_are_published_from_the_start(
    believed, clock, authority, written
):
    book = MetricsBook()
    services = a_services(
        clock=clock, authorities=believed, metrics=book.labelled("caracal_auth_mtls")
    )
    plugin = MtlsPlugin(MtlsConfig(crl_file=written(authority.revocation_list())))
    async with plugin.lifespan(services):
        await asyncio.sleep(0)  # lets the follower of the files take its first step
        scraped = book.expose().decode()
    named = re.findall(r"`(caracal_auth_mtls_\S+?)`", README.read_text())
    assert len(named) == 2
    assert [name for name in named if f"\n{name} " in scraped] == named
