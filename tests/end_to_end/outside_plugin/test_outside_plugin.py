"""A stranger's wheel beside core's decides real requests if enabled, and is not touched if not.

The package is copied out of the tree, built, and installed into a fresh environment; the gateway
runs from there.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 30
ALICE = {"X-Their-Token": "token-of-alice"}


@pytest.fixture(scope="module")
def environment(build_wheel, install_afresh, tmp_path_factory):
    """The ``bin`` directory where core, auth_jwt and the stranger's plugin are installed."""
    outside = tmp_path_factory.mktemp("outside") / "package"
    shutil.copytree(Path(__file__).parent / "package", outside)
    sources = (ROOT, ROOT / "plugins" / "auth_jwt", outside)
    return install_afresh(*(build_wheel(source) for source in sources))


@pytest.fixture
def upstream():
    """A server that answers every GET with its path, and remembers it and its header."""

    class Echo(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.server.seen.append(self.path)
            self.server.headers.append(self.headers)
            body = f"you asked for {self.path}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.seen = []
        server.headers = []
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def marker(tmp_path):
    """The file that the stranger's module makes when it is imported."""
    return tmp_path / "outside-was-imported"


@pytest.fixture
def configure(tmp_path, upstream):
    """Write a ``caracal.yaml`` with one free route; further keys are the test's own."""

    def write(**settings):
        config = {
            "listen": f"127.0.0.1:{free_port()}",
            "operations": {"listen": f"127.0.0.1:{free_port()}"},
            "tls": {"mode": "off"},
            "unknown_agents": "register",
            "upstreams": {
                "echo": {
                    "url": f"http://127.0.0.1:{upstream.server_port}",
                    "allow_private": True,
                }
            },
            "routes": [{"id": "echo", "path": "/echo/", "upstream": "echo", "replay": "off"}],
        } | settings
        file = tmp_path / "caracal.yaml"
        file.write_text(yaml.safe_dump(config))
        return file

    return write


@pytest.fixture
def jwt_section(tmp_path):
    """A section for auth_jwt, the default of AUTH_MODE."""
    key = Ed25519PrivateKey.generate().public_key()
    path = tmp_path / "jwt_public.pem"
    path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return {"public_key_path": str(path), "algorithm": "Ed25519"}


@pytest.fixture
def caracal(environment, tmp_path, marker):
    """Give the command line and environment of the installed ``caracal``, which knows no tree."""

    def command(*arguments, **extra):
        bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        own = {"CARACAL_DATA_DIR": str(tmp_path / "data"), "OUTSIDE_WAS_IMPORTED": str(marker)}
        return {
            "args": [str(environment / "caracal"), *map(str, arguments)],
            "env": bare | own | extra,
            "cwd": tmp_path,
            "text": True,
        }

    return command


def run(command):
    """Run a command to its end and return what it printed."""
    result = subprocess.run(**command, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@contextmanager
def serving(command, config):
    """Serve while the block runs, and stop as Kubernetes would; give the port."""
    port = int(yaml.safe_load(config.read_text())["listen"].rpartition(":")[2])
    log = config.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(**command, stdout=output, stderr=output)
        try:
            wait_until_ready(process, port, log)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert code == 0, log.read_text()


def wait_until_ready(process, port, log):
    """Ask for /health until it is there; what ends before that says why in its log."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            if get(port, "/health").status == HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.05)  # another process: there is no event to wait on
    raise AssertionError(log.read_text())


def get(port, path, **headers):
    """Ask the gateway, and return its reply with the body in ``reply.text``."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    with closing(connection):
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        reply.text = reply.read().decode()
        return reply


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("by", ["AUTH_MODE", "plugins"])
def test_enabled_by_name_it_decides_real_requests(caracal, configure, jwt_section, upstream, by):
    """Its authenticator proves, its policy permits; whom it does not permit is denied."""
    settings = {"auth_outside": {"guests": ["alice"]}}
    if by == "plugins":
        settings |= {"plugins": ["auth_outside"], "auth_jwt": jwt_section}
    config = configure(**settings)
    chosen = {"AUTH_MODE": "outside"} if by == "AUTH_MODE" else {}
    with serving(caracal("serve", "--config", config, **chosen), config) as port:
        permitted = get(port, "/echo/a?b=c", **ALICE)
        assert (permitted.status, permitted.text) == (200, "you asked for /echo/a?b=c")
        denied = get(port, "/echo/", **{"X-Their-Token": "token-of-mallory"})
        assert (denied.status, json.loads(denied.text)["code"]) == (403, "denied")
        for headers in ({}, {"X-Their-Token": "4711"}, {"Authorization": "Basic YWxpY2U6"}):
            refused = get(port, "/echo/", **headers)
            assert (refused.status, json.loads(refused.text)["code"]) == (401, "unauthenticated")
            assert "Outside" in refused.headers.get_all("WWW-Authenticate")
    assert upstream.seen == ["/echo/a?b=c"]


def test_the_upstream_never_sees_the_strangers_token(caracal, configure, upstream):
    """In no spelling: many servers read an underscore as a hyphen."""
    config = configure(auth_mode="outside", auth_outside={"guests": ["alice"]})
    spellings = [
        ALICE,
        {"x-their-token": "token-of-alice"},
        {"X-THEIR-TOKEN": "token-of-alice"},
        ALICE | {"X_Their_Token": "token-of-alice"},
        ALICE | {"x_their-token": "token-of-alice", "Connection": "x-their-token"},
    ]
    with serving(caracal("serve", "--config", config), config) as port:
        for headers in spellings:
            reply = get(port, "/echo/", **headers, **{"X-Their-Hint": "kept"})
            assert reply.status == HTTPStatus.OK
    assert len(upstream.headers) == len(spellings)
    for seen in upstream.headers:
        assert seen["X-Their-Hint"] == "kept"
        assert "token" not in str(seen).lower()


def test_installed_but_not_enabled_it_is_never_imported(
    caracal, configure, jwt_section, upstream, marker
):
    """Neither listing, nor checking, nor serving runs a line of it, and its scheme is unknown."""
    everybody = {"id": "all", "effect": "permit", "agents": ["*"], "routes": ["*"]}
    config = configure(auth_jwt=jwt_section, policies=[everybody])
    listed = json.loads(run(caracal("plugins", "--json", "--config", config)))
    states = {plugin["name"]: plugin["state"] for plugin in listed}
    assert (states["auth_outside"], states["auth_jwt"]) == ("installed", "enabled")
    run(caracal("check", "--config", config))
    with serving(caracal("serve", "--config", config), config) as port:
        refused = get(port, "/echo/", **ALICE)
        assert refused.status == HTTPStatus.UNAUTHORIZED
        assert refused.headers.get_all("WWW-Authenticate") == ['Bearer realm="caracal"']
    assert upstream.seen == []
    assert not marker.exists()


def test_the_marker_is_made_where_it_is_imported(caracal, configure, marker):
    """The proof above would fail if the module were imported."""
    config = configure(auth_mode="outside", auth_outside={"guests": ["alice"]})
    run(caracal("check", "--config", config))
    assert marker.exists()
