"""The header's last element is read strictly: no element before it can move its borders."""

from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from caracal_auth_mtls.xfcc import BYTES_MAX, parse
from caracal_core.errors import Unauthenticated

CHARACTERS = 'aZ9,;="\\ %2FCert=-/:'


def encoded(*issued):
    return quote(b"".join(each.pem for each in issued), safe="")


@pytest.fixture
def cert(right):
    return f'Cert="{encoded(right)}"'


def test_the_last_element_counts(authority, right, cert):
    other = encoded(authority.issue("spiffe://corp.example/agent/other"))
    for value in (
        cert,
        f'Hash=00;Cert="{other}",By=spiffe://edge;{cert};Subject="CN=a, \\"b\\";O=c";URI=x;URI=y',
        f'Cert="{other}",{cert};DNS=a;dns=b',
        f"Cert={encoded(right)}",
        f'cert="{encoded(right)}"',
        f'Subject="",{cert}',
        f"Subject=,{cert}",
    ):
        assert parse([value]).certificate == right.der
        assert parse([f'Cert="{other}"', value]).certificate == right.der


def test_a_chain_gives_what_was_sent_with_it(make_authority):
    between = make_authority("Between", above=make_authority("Root"))
    issued = between.issue("spiffe://corp.example/agent/x")
    value = f'Cert="{encoded(issued)}";Chain="{encoded(issued, between.own)}"'
    assert parse([value]).others == (between.own.certificate.public_bytes(Encoding.DER),)
    assert parse([f'Cert="{encoded(issued)}";Chain="{encoded(issued)}"']).others == ()


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        ",",
        "CERT,",
        "CERT;",
        'Subject="CERT',
        "CERT CERT",
        "CERT;CERT",
        "CERT;Cert=x",
        "CERT;Unknown=x",
        "CERT;Hash=a;Hash=b",
        'CERT;Subject="a"b',
        'CERT;Subject=a"b',
        "CERT;Subject=a\\,b",
        "CERT;Subject",
        "CERT;=x",
        'x",CERT',
        'Subject=",CERT',
        'Subject="\\",CERT',
        "CERT,Subject=x",
        'Cert=""',
        "Cert=x",
        'Cert="%ZZ"',
        'Cert="%00"',
        'CERT;Chain=""',
        'CERT;Chain="junk"',
    ],
)
def test_what_no_proxy_writes_is_refused(cert, value):
    with pytest.raises(Unauthenticated):
        parse([value.replace("CERT", cert)])


def test_what_is_missing_or_too_much_is_refused(authority, right, cert):
    other = authority.issue("spiffe://corp.example/agent/other")
    for values in (
        [],
        [f'Cert="{encoded(right, right)}"'],
        [f'{cert};Chain="{encoded(other, right)}"'],
        [f'{cert};Chain="{encoded(*[right] * 9)}"'],
        [f'Cert="x{encoded(right)}"'],
        [f'Cert="{encoded(right)}x"'],
        [f'{cert};Subject="{"a" * BYTES_MAX}"'],
    ):
        with pytest.raises(Unauthenticated):
            parse(values)


@given(before=st.text(alphabet=CHARACTERS, max_size=30))
def test_nothing_in_front_changes_what_the_proxy_wrote(before):
    """A client that reaches the proxy may choose what stands before the proxy's own element."""
    own = 'Subject="CN=\\"x\\"";Hash=ff'
    with pytest.raises(Unauthenticated) as caught:
        parse([f"{before},{own}"])
    assert "no client certificate in Cert" in caught.value.internal or (
        "garbled" in caught.value.internal
    )


@given(st.text(alphabet=CHARACTERS + "\n\x80", max_size=60))
def test_no_text_breaks_it(value):
    with pytest.raises(Unauthenticated):
        parse([value])
