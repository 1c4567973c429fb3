"""The files that TLS is served with: everything wrong with them is told before anybody connects."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

from caracal_core.config.address import Address
from caracal_core.config.problems import SeveralMisconfigured
from caracal_core.edge.tls import Certificates, certificates
from caracal_core.errors import Misconfigured
from caracal_core.testing.fakes.services import FakeMetrics

ANYWHERE, LOCAL = Address("0.0.0.0", 8443), Address("127.0.0.1", 8443)  # noqa: S104 - not bound


def test_a_key_that_wants_a_password_is_refused_without_asking_for_one(mount, authority):
    mount.publish(authority)
    path = mount.config.key_file
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"secret")
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    with pytest.raises(Misconfigured, match=r"tls\.key_file.*not encrypted"):
        Certificates(mount.config, FakeMetrics())


def test_the_expiry_of_the_served_certificate_is_a_metric(mount, authority):
    mount.publish(authority)
    metrics = FakeMetrics()
    served = Certificates(mount.config, metrics)
    certificate = x509.load_pem_x509_certificate(mount.config.cert_file.read_bytes())
    expected = certificate.not_valid_after_utc.timestamp()
    assert metrics.read("certificate_expires_seconds") == expected
    del served


def test_tls_is_off_only_where_that_was_said(mount, authority):
    """Off is plain; on without files is refused, and plain on a loopback address alone."""
    off = mount.config.model_copy(update={"mode": "off"})
    assert certificates(off, ANYWHERE, FakeMetrics()) is None
    assert certificates(mount.config, LOCAL, FakeMetrics()) is None
    with pytest.raises(Misconfigured, match=r"tls\.cert_file.*server\.crt.*TLS_MODE=off"):
        certificates(mount.config, ANYWHERE, FakeMetrics())
    mount.publish(authority)
    assert certificates(mount.config, LOCAL, FakeMetrics()) is not None
    assert certificates(mount.config, ANYWHERE, FakeMetrics()) is not None


@pytest.mark.parametrize("missing", ["cert_file", "key_file"])
def test_half_a_pair_is_refused_on_a_loopback_address_too(mount, authority, missing):
    """Whoever mounted one of them meant to be encrypted."""
    mount.publish(authority)
    getattr(mount.config, missing).unlink()
    with pytest.raises(Misconfigured, match=rf"tls\.{missing}"):
        certificates(mount.config, LOCAL, FakeMetrics())


def test_broken_files_are_refused_on_a_loopback_address_too(mount, authority, make_authority):
    mount.publish(authority, key_of=make_authority("other"))
    with pytest.raises(Misconfigured, match=r"tls\.key_file.*MISMATCH"):
        certificates(mount.config, LOCAL, FakeMetrics())


def test_everything_that_is_wrong_with_the_files_is_told_at_once(mount, authority):
    mount.publish(authority, trusted=authority)
    for path in (mount.config.cert_file, mount.config.key_file):
        path.unlink()
    mount.config.ca_file.write_text("no certificate")
    with pytest.raises(SeveralMisconfigured) as refused:
        Certificates(mount.config, FakeMetrics())
    places = [problem.where for problem in refused.value.problems]
    assert places == ["tls.cert_file", "tls.key_file", "tls.ca_file"]


def test_a_foreign_key_hides_no_broken_authority(mount, authority, make_authority):
    mount.publish(authority, trusted=authority, key_of=make_authority("other"))
    mount.config.ca_file.write_text("no certificate")
    with pytest.raises(SeveralMisconfigured, match=r"MISMATCH.*\n.*tls\.ca_file"):
        Certificates(mount.config, FakeMetrics())
