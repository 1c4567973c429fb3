"""What is made passes strict verifiers: cryptography's defaults and OpenSSL's strict flag."""

import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509.verification import DNSName, PolicyBuilder, Store, VerificationError

from caracal_core.cli.certificates import Authority, new_token_keys

SPIFFE = "spiffe://caracal.local/agent/research-1"


@pytest.fixture
def authority():
    return Authority.new()


def load(made):
    return x509.load_pem_x509_certificate(made.certificate)


@pytest.fixture
def store(authority):
    return Store([load(authority.own)])


def test_a_servers_certificate_is_for_its_hosts(authority, store):
    server = load(authority.issue_server(["gateway.example", "192.0.2.1", "::1"], 30))
    verify = PolicyBuilder().store(store).build_server_verifier
    assert len(verify(DNSName("gateway.example")).verify(server, [])) == 2
    with pytest.raises(VerificationError):
        verify(DNSName("other.example")).verify(server, [])
    with pytest.raises(VerificationError):
        PolicyBuilder().store(store).build_client_verifier().verify(server, [])
    assert (server.not_valid_after_utc - server.not_valid_before_utc).days == 30


def test_an_agents_certificate_is_for_a_client_of_that_name(authority, store):
    agent = load(authority.issue_agent("research-1", 30))
    found = PolicyBuilder().store(store).build_client_verifier().verify(agent, [])
    assert [name.value for name in found.subjects] == [SPIFFE]
    with pytest.raises(VerificationError):
        PolicyBuilder().store(store).build_server_verifier(DNSName("x")).verify(agent, [])


@pytest.mark.parametrize("host", ["", "gäteway"])
def test_what_is_no_host_is_refused(authority, host):
    with pytest.raises(ValueError, match=r"\w"):
        authority.issue_server([host], 30)


def test_an_authority_is_read_again_and_no_other_key_passes_for_its_own(authority):
    own, other = authority.own, Authority.new().own
    again = Authority.load(own.certificate, own.key)
    assert again.own.certificate == own.certificate
    tokens = new_token_keys()
    for key in (other.key, tokens.private, b"junk"):
        with pytest.raises(ValueError, match=r"\w"):
            Authority.load(own.certificate, key)


def test_openssl_takes_it_strictly(authority, tmp_path):
    made = authority.issue_agent("x", 30)
    (tmp_path / "pair.pem").write_bytes(made.certificate + made.key)
    context = ssl.create_default_context(cadata=authority.own.certificate.decode())
    context.load_cert_chain(tmp_path / "pair.pem")
    assert len(context.get_ca_certs()) == 1


def test_the_keys_for_tokens_are_a_pair():
    tokens = new_token_keys()
    private = load_pem_private_key(tokens.private, None)
    assert private.public_key() == load_pem_public_key(tokens.public)
    assert private.key_size >= 3072
