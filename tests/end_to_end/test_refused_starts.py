"""A gateway that cannot be what its configuration says does not start, and says why in a word.

Each refusal exits with 2, with one readable paragraph on standard error that names the place
and the mend, no traceback, and nothing on standard output.
"""

import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"
POSTGRESQL = {"DB_NAME": "caracal", "DB_PASSWORD": "tiger-in-the-night"}

LEDGER = """
from caracal_core.plugin import Plugin, hookimpl
from caracal_core.testing.fakes.parts import TrivialLedger


class ThePlugin(Plugin):
    @hookimpl
    def ledger(self, services):
        return TrivialLedger()
"""

BROKEN = """
from contextlib import asynccontextmanager

from caracal_core.plugin import Plugin, hookimpl


class ThePlugin(Plugin):
    @hookimpl
    def health(self, services):
        {hook}
        return ()

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, services):
        {lifespan}
        yield
"""


def assert_refused(done, *said):
    assert (done.returncode, done.stdout) == (2, "")
    paragraph = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert paragraph, done.stderr
    assert all(line.strip() for line in paragraph), done.stderr
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in "\n".join(paragraph)


@pytest.fixture
def prepared(gateway):
    """A configuration that would serve, but for what the test changes."""

    async def prepare(**changes):
        return await gateway(NOWHERE, budget=None, start=False, **changes)

    return prepare


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"auth_mode": "mtls"}, ["auth_mode", "TLS_CA_FILE", "TLS_MODE=on"]),
        ({"plugins": ["mcpp"]}, ["mcpp is not installed"]),
        ({"polices": []}, ["polices", "line ", "Did you mean policies?"]),
        (
            {"tariffs": {"flat": {"currency": "USD", "per_cal": "0.25"}}},
            ["tariffs.flat.per_cal", "Did you mean per_call?"],
        ),
        ({"policies": []}, ["policies", "every request would be denied"]),
        (
            {"auth_jwt": {"public_key_path": "/nowhere/jwt.pem"}},
            ["JWT_PUBLIC_KEY_PATH", "/nowhere/jwt.pem"],
        ),
        ({"listen": "0.0.0.0:0"}, ["tls.cert_file", "TLS_MODE=off"]),
        (
            {"upstreams": {"x": {"url": NOWHERE, "allow_private": True}}},
            ["route free", "u does not exist"],
        ),
        ({"database": {"data_dir": "/proc/nowhere"}}, ["CARACAL_DATA_DIR", "/proc/nowhere"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_wrong_setting_is_named_with_its_mend(prepared, changes, said):
    assert_refused((await prepared(**changes)).command("serve"), *said)


async def test_a_mode_that_is_not_installed_is_named_with_its_mend(
    prepared, build_wheel, install_afresh
):
    there = install_afresh(build_wheel(ROOT), build_wheel(ROOT / "plugins" / "auth_jwt"))
    done = (await prepared(auth_mode="mtls")).command("serve", program=there / "caracal")
    assert_refused(done, "auth_mode", "pip install ./plugins/auth_mtls")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (POSTGRESQL, ["DB_HOST", "DB_NAME"]),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, ["DB_HOST", "KUBERNETES_SERVICE_HOST"]),
        ({"CARACAL_SETTINGS_DIR": "/nowhere"}, ["/nowhere", "does not exist"]),
        ({"REQUEST_TIMEOUT": "soon"}, ["request_timeout", "environment REQUEST_TIMEOUT"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_an_environment_that_lost_something_is_refused(prepared, environment, said):
    done = (await prepared(environment=environment)).command("serve")
    assert_refused(done, *said)
    assert POSTGRESQL["DB_PASSWORD"] not in done.stderr


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("auth_mode: jwt\n", "auth_mode: jwt\nauth_mode: jwt\n", "gives the key auth_mode again"),
        ("  audience:", "\taudience:", "is not YAML"),
        ("per_call: '0.25'", "per_call: .nan", "tariffs.flat.per_call"),
        ("per_call: '0.25'", "per_call: 0.25", "write it in quotes"),
        ("per_call: '0.25'", "per_call: '-1'", "tariffs.flat.per_call"),
        ("per_call: '0.25'", "per_call: '1e999'", "plain decimal"),
        ("per_call: '0.25'", "per_call: '0.1e1'", "plain decimal"),
        ("per_call: '0.25'", "per_call: ''", "plain decimal"),
        ("per_call: '0.25'", "per_call: 1e3", "write it in quotes"),
        ("per_call: '0.25'", "per_call: '9223372036854.775808'", "tariffs.flat.per_call"),
        ("per_call: '0.25'", "per_call: '" + "9" * 10**5 + "'", "plain decimal"),
        ("per_call: '0.25'", "per_call: " + "9" * 10**5, "tariffs.flat.per_call"),
        ("per_call: '0.25'", "per_call: 0x" + "f" * 10**5, "has a number of 100002 characters"),
        ("per_call: '0.25'", "per_second: '1'", "per_second and most_seconds need each other"),
        ("per_call: '0.25'", "models: {m: {completion: '1'}}", "max_output is needed"),
    ],
    ids=[
        "a key given twice",
        "a tab",
        "NaN",
        "a float",
        "negative",
        "infinite",
        "an exponent",
        "empty",
        "an unquoted exponent",
        "beyond the ledger",
        "endless",
        "an endless number",
        "an endless hexadecimal one",
        "a price without its bound",
        "a model without its bound",
    ],
)
async def test_a_file_that_could_be_misread_is_refused(prepared, was, becomes, said):
    one = await prepared()
    text = one.config.read_text()
    assert was in text
    one.config.write_text(text.replace(was, becomes))
    assert_refused(one.command("serve"), f"{one.config}", "line ", said)


async def test_an_endless_file_is_refused_unread(prepared):
    one = await prepared()
    text = one.config.read_text()
    one.config.write_text(text.replace("per_call: '0.25'", "per_call: '" + "9" * 10**7 + "'"))
    assert_refused(one.command("serve"), f"{one.config}", "is larger than", "Write less")


@pytest.mark.parametrize("key", ["listen", "operations.listen"])
async def test_a_port_in_use_is_named(prepared, key):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        one = await prepared()
        done = one.command("serve", "--set", f"{key}={address}")
    assert_refused(done, key, f"{address} cannot be listened on (Address already in use)")


async def test_two_ledgers_are_one_too_many(prepared, packages):
    for name in ("first_ledger", "second_ledger"):
        packages.add(name, code=LEDGER)
    one = await prepared(
        plugins=["first_ledger", "second_ledger"],
        environment={"PYTHONPATH": str(packages.directory)},
    )
    assert_refused(one.command("serve"), "first_ledger and second_ledger", "Enable only one")


@pytest.mark.parametrize("raised", ["RuntimeError('oh')", "SystemExit(0)"])
@pytest.mark.parametrize(
    ("place", "said"), [("hook", "its hook health raised"), ("lifespan", "opening raised")]
)
async def test_a_plugin_that_breaks_while_the_house_is_built_is_named(
    prepared, packages, place, said, raised
):
    """It must not look like a clean end to whoever started the process."""
    code = {"hook": "pass", "lifespan": "pass", place: f"raise {raised}"}
    packages.add("broken", code=BROKEN.format(**code))
    environment = {"PYTHONPATH": str(packages.directory)}
    one = await prepared(plugins=["broken"], environment=environment)
    assert_refused(one.command("serve"), "plugin broken", said, "disable")


async def test_a_second_gateway_on_the_embedded_store_is_refused(gateway):
    """Each would trust what it remembers of the budgets; the command line works beside them."""
    one = await gateway(NOWHERE)
    assert_refused(one.command("serve"), "another gateway serves from", str(one.home / "data"))
    assert one.listed("charges", "list") == []
    status, _ = await one.operator_sees("/health/ready")
    assert status == 200


async def test_everything_that_stops_the_start_is_told_at_once(prepared):
    """As ``caracal check`` tells it, word for word."""
    one = await prepared(
        listen="0.0.0.0:0",
        auth_jwt={"public_key_path": "/nowhere/jwt.pem"},
        operations={"listen": "127.0.0.1:0", "token_file": "/nowhere/token"},
        upstream_keys={"headers": {"X-Key": {"secret_file": "/nowhere/key"}}},
    )
    done = one.command("serve")
    assert_refused(
        done,
        "/nowhere/jwt.pem",
        "/nowhere/key",
        "tls.cert_file",
        "tls.key_file",
        "/nowhere/token",
    )
    assert one.command("check").stderr == done.stderr
