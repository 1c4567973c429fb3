"""A forwarded certificate is proved by us, by the authorities of the moment."""

from urllib.parse import quote

import pytest
from cryptography import x509

from caracal_auth_mtls import forwarding as module
from caracal_auth_mtls.forwarding import Forwarding
from caracal_auth_mtls.trust import Trust
from caracal_core.errors import Unauthenticated

SPIFFE = "spiffe://corp.example/agent/x"


@pytest.fixture
def forwarding(believed):
    return Forwarding(Trust(believed))


def values(issued, *others):
    text = f'Cert="{quote(issued.pem, safe="")}"'
    if others:
        chain = b"".join(each.pem for each in (issued, *others))
        text += f';Chain="{quote(chain, safe="")}"'
    return [text]


@pytest.fixture
def proves(forwarding, clock):
    """Say whether a forwarded certificate is proved."""

    def proves(issued, *others, after=0):
        try:
            proved = forwarding.prove(values(issued, *others), clock.now() + after)
        except Unauthenticated:
            return False
        assert (proved.certificate, proved.issuers) == (issued.der, issued.issuers)
        return True

    return proves


def test_an_authority_that_is_believed_proves(proves, right, make_authority):
    assert proves(right)
    assert not proves(make_authority("Another").issue(SPIFFE))
    assert not proves(make_authority().issue(SPIFFE)), "only its name fits"


def test_the_guides_own_authority_without_key_usage_proves(proves, believed, make_authority):
    """Trap 12: cryptography's default verifier refuses it."""
    bare = make_authority("Bare", usage=False)
    believed.only(bare)
    assert proves(bare.issue(SPIFFE))


def test_an_intermediate_has_to_be_sent_and_to_be_one(proves, believed, make_authority):
    root = make_authority("Root")
    believed.only(root)
    between = make_authority("Between", above=root)
    assert proves(between.issue(SPIFFE), between.own)
    assert not proves(between.issue("spiffe://corp.example/agent/y"))
    leaf = root.issue(SPIFFE)
    false = make_authority("False")
    false.own = leaf
    assert not proves(false.issue(SPIFFE), leaf), "a client's certificate signed another"
    mute = make_authority("Mute", above=root, usage=False)
    assert proves(mute.issue(SPIFFE), mute.own)


def test_an_intermediate_that_may_not_sign_does_not(proves, believed, make_authority, right):
    root = make_authority("Root")
    believed.only(root)
    words = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False
    )  # fmt: skip
    usage = (x509.KeyUsage(digital_signature=True, **words), True)
    false = make_authority("False")
    false.own = root.issue(cn="False", authority=True, extensions=[usage])
    assert not proves(false.issue(SPIFFE), false.own)


def test_times_are_those_of_the_request(proves, authority):
    short = authority.issue(SPIFFE, valid=(-10, 10))
    assert not proves(short, after=11)
    assert proves(short)


def test_a_removed_authority_proves_no_more(proves, believed, right, make_authority):
    assert proves(right)
    believed.only(make_authority("Another"))
    assert not proves(right)


def test_it_is_verified_once_for_each_state(
    forwarding, believed, authority, right, clock, monkeypatch
):
    calls = []
    verify = module._verify
    monkeypatch.setattr(module, "_verify", lambda *a: calls.append(a) or verify(*a))
    for _ in range(3):
        forwarding.prove(values(right), clock.now())
    assert len(calls) == 1
    believed.only(authority)
    forwarding.prove(values(right), clock.now())
    assert len(calls) == 2


@pytest.mark.parametrize("limited", [True, False])
def test_it_tells_where_an_issuer_limits_names(
    forwarding, believed, authority, make_authority, clock, limited
):
    """An intermediate or the authority itself, whatever the certificate's own says."""
    limits = [(x509.NameConstraints([x509.DNSName("good.example")], None), True)]
    between = make_authority("Between")
    more = {"authority": True, "purposes": None, "extensions": limits if limited else ()}
    between.own = authority.issue(cn="Between", key=between.own.key, **more)
    issued = between.issue(SPIFFE)
    proved = forwarding.prove(values(issued, between.own), clock.now())
    assert (len(proved.issuers), proved.constrained) == (2, limited)
    root = make_authority("Root")
    root.own = root.issue(cn="Root", key=root.own.key, **more)
    believed.only(root)
    assert forwarding.prove(values(root.issue(SPIFFE)), clock.now()).constrained == limited


def test_nothing_forwarded_proves_nobody(forwarding, clock):
    for given in ([], [""]):
        with pytest.raises(Unauthenticated):
            forwarding.prove(given, clock.now())
