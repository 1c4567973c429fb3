"""Believed is who stands in the port's file now, within its time, renewed or not."""

import pytest

from caracal_auth_mtls.facts import signer_of
from caracal_auth_mtls.trust import AskedFor, Trust
from caracal_core.errors import Misconfigured, Unauthenticated


@pytest.fixture
def trust(believed):
    return Trust(believed)


def signer(authority):
    return signer_of(authority.own.certificate)


def test_an_authority_is_believed_while_it_stands_there(
    trust, believed, authority, make_authority, clock
):
    trust.check(signer(authority), clock.now())
    believed.only(make_authority("Another"))
    with pytest.raises(Unauthenticated):
        trust.check(signer(authority), clock.now())
    believed.only(make_authority("Another"), authority)
    trust.check(signer(authority), clock.now())


def test_one_of_the_same_name_is_another(trust, believed, authority, make_authority, clock):
    believed.only(make_authority())
    with pytest.raises(Unauthenticated):
        trust.check(signer(authority), clock.now())


def test_a_renewed_certificate_of_the_same_key_goes_on(
    trust, believed, authority, make_authority, clock
):
    believed.only(make_authority(key=authority.own.key, valid=(0, 99)))
    trust.check(signer(authority), clock.now())


def test_it_is_believed_within_its_time_only(trust, believed, make_authority, clock):
    short = make_authority(valid=(10, 20))
    believed.only(short)
    for seconds, good in ((0, False), (15, True), (21, False)):
        if good:
            trust.check(signer(short), clock.now() + seconds)
        else:
            with pytest.raises(Unauthenticated):
                trust.check(signer(short), clock.now() + seconds)
    believed.only(short, make_authority(key=short.own.key, valid=(0, 99)))
    trust.check(signer(short), clock.now() + 50)


def test_what_cannot_be_read_is_nobody(trust, believed, authority, clock):
    believed.now = (b"junk", authority.own.der)
    trust.check(signer(authority), clock.now())
    assert len(trust.certificates) == 1


async def test_a_port_that_asks_nobody_is_refused(believed):
    assert not await AskedFor(believed).read()
    for given in ((), (b"junk",)):
        believed.now = given
        with pytest.raises(Misconfigured, match=r"auth_mode.*TLS_CA_FILE"):
            await AskedFor(believed).read()


def test_it_is_read_once_for_each_state(trust, believed, authority):
    assert trust.certificates[0] is trust.certificates[0]
    assert trust.version is believed.now
    assert trust.signers_of(signer(authority).name) == [signer(authority)]
    assert trust.signers_of(b"nobody") == []
