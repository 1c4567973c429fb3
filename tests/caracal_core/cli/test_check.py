"""``caracal check`` says everything that would stop the start, all at once, and opens nothing."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from caracal_core.cli.demo.token import make_key

GOOD = """
upstreams: {up: {url: "https://example.com"}}
routes: [{id: a, path: /a, upstream: up}]
policies: [{id: all, effect: permit, agents: ["*"], routes: [a]}]
"""


@pytest.fixture
def check(caracal, tmp_path):
    make_key(tmp_path / "jwt.pem")

    def check(yaml=GOOD, *options, **environment):
        (tmp_path / "caracal.yaml").write_text(yaml)
        environment = {"TLS_MODE": "off", "JWT_PUBLIC_KEY_PATH": "jwt.pem"} | environment
        return caracal("check", "--config", "caracal.yaml", *options, environment=environment)

    return check


def test_a_configuration_that_holds(check, tmp_path):
    told = check()
    assert told.returncode == 0
    assert "Routes: a\n" in told.stdout
    assert "The configuration holds" in told.stdout
    assert not (tmp_path / "data").exists()


def test_the_database_is_not_asked(check):
    """It may be checked where no database is, such as in CI."""
    assert check(DB_HOST="127.0.0.1", DB_PORT="1").returncode == 0


def test_a_misspelt_key_is_named_with_its_line_and_the_nearest(check):
    told = check("\nrutes: []\n")
    assert told.returncode == 2
    assert told.stderr == "rutes (caracal.yaml line 2): no such key. Did you mean routes?\n"


@pytest.mark.parametrize("odd", ["true", "0.1e1", '"1_0"', '"10"'])
def test_a_number_that_bounds_money_is_a_whole_number(check, odd):
    told = check(f'{GOOD}tariffs:\n  t: {{currency: USD, per_second: "1", most_seconds: {odd}}}\n')
    assert told.returncode == 2
    assert told.stderr.startswith("tariffs.t.most_seconds (caracal.yaml line 6): ")
    assert "valid integer" in told.stderr


def test_parts_that_do_not_fit_together_are_named(check):
    told = check(GOOD.replace("upstream: up", "upstream: down"))
    assert told.returncode == 2
    assert "route a: upstream: down does not exist" in told.stderr


def test_what_has_no_effect_is_noted(check):
    told = check(MCP_SERVERS="a:http://b")
    assert told.returncode == 0
    assert "Note: environment MCP_SERVERS has no effect" in told.stdout


def test_a_plugin_whose_constructor_breaks_is_named(check, packages):
    packages.add(
        "acme",
        code="from caracal_core.plugin import Plugin\n"
        "class ThePlugin(Plugin):\n"
        "    def __init__(self, config):\n"
        "        raise KeyError('x')\n",
    )
    told = check(PYTHONPATH=str(packages.directory), PLUGINS="acme")
    assert told.returncode == 2
    assert told.stderr.startswith("plugin acme: its constructor raised KeyError")
    assert "Traceback" not in told.stderr


def a_pair(path):
    """Write a certificate that signs itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, SHA256())
    )
    path.with_suffix(".crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.with_suffix(".key").write_bytes(plain)


FILES = """
listen: 0.0.0.0:8443
operations: {token_file: nowhere/token}
database: {data_dir: /proc/nowhere, hash_key_file: nowhere/hash.key}
upstreams:
  up:
    url: https://example.com
    ca_file: nowhere/ca.pem
    headers: {Authorization: {secret_file: nowhere/up}, X-Key: {secret_env: NO_KEY}}
routes: [{id: a, path: /a, upstream: up}]
policies: [{id: all, effect: permit, agents: ["*"], routes: [a]}]
"""


def test_every_file_that_cannot_be_read_is_told_in_one_run_with_its_key_and_mend(check):
    environment = {
        "TLS_MODE": "on",
        "TLS_CERT_FILE": "nowhere/server.crt",
        "TLS_KEY_FILE": "nowhere/server.key",
        "TLS_CA_FILE": "jwt.pem",
        "JWT_PUBLIC_KEY_PATH": "nowhere/jwt.pem",
        "CARACAL_DATA_DIR": "",
    }
    told = check(FILES, **environment)
    assert (told.returncode, told.stdout) == (2, "")
    lines = told.stderr.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "auth_jwt.public_key_path (JWT_PUBLIC_KEY_PATH)",
        "upstreams.up.ca_file",
        "nowhere/up",
        "environment variable NO_KEY",
        "tls.cert_file",
        "tls.key_file",
        "tls.ca_file",
        "operations.token_file (OPERATIONS_TOKEN_FILE)",
        "database.hash_key_file (CARACAL_HASH_KEY_FILE)",
        "CARACAL_DATA_DIR",
    ]
    assert all(line.count(". ") >= 1 for line in lines)


def test_parts_that_do_not_fit_are_told_beside_the_files(check):
    told = check(GOOD.replace("upstream: up", "upstream: down"), JWT_PUBLIC_KEY_PATH="nowhere.pem")
    assert [line.partition(":")[0] for line in told.stderr.splitlines()] == [
        "route a",
        "auth_jwt.public_key_path (JWT_PUBLIC_KEY_PATH)",
    ]


def test_a_key_that_does_not_fit_its_certificate_is_named(check, tmp_path):
    for name in ("server", "other"):
        a_pair(tmp_path / name)
    environment = {"TLS_MODE": "on", "TLS_CERT_FILE": "server.crt", "TLS_KEY_FILE": "other.key"}
    told = check(**environment)
    assert told.returncode == 2
    assert told.stderr.startswith("tls.key_file: other.key is no private key of server.crt")
    assert check(**environment | {"TLS_KEY_FILE": "server.key"}).returncode == 0


def test_a_broken_plugin_hides_no_other_fault(check, packages):
    packages.add(
        "burnt",
        code="from caracal_core.plugin import Plugin\n"
        "class ThePlugin(Plugin):\n"
        "    def __init__(self, config):\n"
        "        raise KeyError('x')\n",
    )
    environment = {"PYTHONPATH": str(packages.directory), "PLUGINS": "burnt"}
    told = check(JWT_PUBLIC_KEY_PATH="nowhere.pem", **environment)
    assert [line.partition(":")[0] for line in told.stderr.splitlines()] == [
        "plugin burnt",
        "auth_jwt.public_key_path (JWT_PUBLIC_KEY_PATH)",
    ]


def test_where_the_files_are_not_they_can_be_left_out(check):
    """Such as where a change is reviewed, far from the secrets."""
    assert check(FILES, "--no-files", CARACAL_DATA_DIR="").returncode == 0


def test_no_secret_is_shown(check, tmp_path):
    (tmp_path / "secret").write_text("hunter2\nhunter3")
    yaml = FILES.replace("nowhere/up", "secret")
    told = check(yaml, NO_KEY="fine")
    assert "upstreams.up.headers.Authorization: its value" in told.stderr
    assert "hunter" not in told.stderr


def test_where_no_file_is_found_it_is_said_where_it_was_looked_for(caracal, tmp_path):
    """A forgotten --config looks like an empty configuration."""
    settings = tmp_path / "settings"
    settings.mkdir()
    told = caracal("check", environment={"CARACAL_SETTINGS_DIR": str(settings)})
    assert "Note: There is no configuration file /etc/caracal/config/caracal.yaml" in told.stderr
    assert "`--config` or CARACAL_CONFIG names another one" in told.stderr
    assert f"no settings in {settings} either; CARACAL_SETTINGS_DIR names another" in told.stderr


def test_a_file_that_is_found_is_not_remarked_upon(check):
    assert check().stderr == ""
