"""Plugins learn whom the next connection believes: rotations show, broken files do not."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from caracal_core.config.tls import TlsConfig
from caracal_core.edge.tls import Certificates
from caracal_core.errors import Misconfigured
from caracal_core.testing.fakes.services import FakeMetrics


@pytest.fixture
def config(authority, tmp_path):
    """A pair for the server, and where the authorities' file would be."""
    cert_file, key_file = authority.issue(tmp_path, "server", "server")
    return TlsConfig(cert_file=cert_file, key_file=key_file, ca_file=tmp_path / "ca.crt")


def ders(*pems):
    return tuple(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER) for pem in pems)


async def test_they_are_who_stands_in_the_file(config, authority, make_authority):
    served = Certificates(config, FakeMetrics())
    assert served.authorities() == ()
    successor = make_authority("successor")
    for pems in ([authority.pem], [authority.pem, successor.pem], [successor.pem]):
        config.ca_file.write_bytes(b"".join(pems))
        await served.read()
        assert set(served.authorities()) == set(ders(*pems))
    before = served.authorities()
    assert not await served.read()
    config.ca_file.write_bytes(authority.pem[:300])
    with pytest.raises(Misconfigured):
        await served.read()
    assert served.authorities() is before
    config.ca_file.unlink()
    await served.read()
    assert served.authorities() == ()
