"""An authority, its certificates, and the plugin opened as the house opens it."""

import os
import shutil
import subprocess
from contextlib import AsyncExitStack

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import settings

from caracal_auth_mtls.config import MtlsConfig
from caracal_auth_mtls.plugin import MtlsPlugin
from caracal_core.testing.fakes import FakeAuthority, FakeClock, Issued, a_request, a_services

AGENT = "research-1"
SPIFFE = f"spiffe://corp.example/agent/{AGENT}"

settings.register_profile(
    "caracal", max_examples=int(os.environ.get("CARACAL_EXAMPLES", "200")), deadline=None
)
settings.load_profile("caracal")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def make_authority(clock):
    """Make an authority around the clock's time."""
    return lambda name="Agents", **more: FakeAuthority(name, now=clock.now(), **more)


@pytest.fixture
def authority(make_authority):
    return make_authority()


@pytest.fixture
def right(authority):
    """A certificate that breaks no rule."""
    return authority.issue(SPIFFE)


@pytest.fixture
def shown():
    """Make a request over a connection that proved this certificate."""

    def shown(issued, *, issuers=None, headers=()):
        proved = issued.issuers if issuers is None else issuers
        return a_request(certificate=issued.der, issuers=proved, headers=headers)

    return shown


class Believed:
    """The authorities that the port believes; assign another tuple to rotate them."""

    def __init__(self):
        self.now = ()

    def __call__(self):
        return self.now

    def only(self, *authorities):
        self.now = tuple(each.own.der for each in authorities)


@pytest.fixture
def believed(authority):
    believed = Believed()
    believed.only(authority)
    return believed


@pytest.fixture
async def opened(believed, clock):
    """Open the plugin with these settings; return its authenticator."""
    async with AsyncExitStack() as stack:

        async def opened(**config):
            plugin = MtlsPlugin(MtlsConfig.model_validate(config))
            services = a_services(clock=clock, authorities=believed)
            (authenticator,) = plugin.authenticators(services)
            await stack.enter_async_context(plugin.lifespan(services))
            return authenticator

        yield opened


@pytest.fixture
def by_openssl(authority, tmp_path):
    """Let ``openssl x509 -req`` sign a request with these options, by the authority."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")

    def run(*words):
        done = subprocess.run(  # noqa: S603 - a command of our own
            ["openssl", *words],  # noqa: S607 - whichever there is
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def signed(*options, cn=AGENT):
        (tmp_path / "ca.crt").write_bytes(authority.own.pem)
        (tmp_path / "ca.key").write_bytes(authority.own.key_pem)
        new = ("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        run(*new, "-keyout", "a.key", "-out", "a.csr", "-subj", f"/CN={cn}")
        by = ("-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", "7", "-days", "2")
        run("x509", "-req", "-in", "a.csr", "-out", "a.crt", *by, *options)
        made = x509.load_pem_x509_certificate((tmp_path / "a.crt").read_bytes())
        return Issued(made, authority.own.key, (authority.own.der,))

    return signed


@pytest.fixture
def written(tmp_path):
    """Write revocation lists into a file, as PEM."""

    def written(*lists, name="crl.pem"):
        path = tmp_path / name
        path.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in lists))
        return path

    return written
