"""The contract of authenticators, and that every verdict is of the moment of its request."""

from urllib.parse import quote

import pytest
from cryptography import x509

from caracal_auth_mtls import authenticator as module
from caracal_core.domain import CredentialName
from caracal_core.domain.certificate_name import certificate_name
from caracal_core.errors import Unauthenticated
from caracal_core.testing.contracts import AuthenticatorContract
from caracal_core.testing.fakes import a_request

AGENT = "research-1"
SPIFFE = f"spiffe://corp.example/agent/{AGENT}"
EDGE = "spiffe://corp.example/edge"
FIELD = "x-forwarded-client-cert"


def forwarded(issued):
    return (FIELD, f'By={EDGE};Cert="{quote(issued.pem, safe="")}"')


class TestContract(AuthenticatorContract):
    @pytest.fixture
    async def authenticator(self, opened):
        return await opened()

    @pytest.fixture
    def good_request(self, shown, right):
        return shown(right)

    @pytest.fixture
    def agent(self):
        return AGENT

    @pytest.fixture
    def bad_requests(self, shown, authority, make_authority, right):
        return [
            shown(authority.issue(SPIFFE, valid=(-10, -5))),
            shown(authority.issue(SPIFFE, purposes=None)),
            shown(authority.issue(cn=AGENT)),
            shown(make_authority("Another").issue(SPIFFE)),
            shown(right, issuers=()),
            a_request(certificate=b"junk", issuers=right.issuers),
        ]


@pytest.fixture
async def refusal():
    """Return why a request is refused."""

    async def refusal(authenticator, request):
        with pytest.raises(Unauthenticated) as caught:
            await authenticator.authenticate(request)
        return caught.value.internal

    return refusal


async def test_the_principal_names_its_credential(opened, shown, right, clock):
    """So that it can be revoked by its name, and all older ones of the agent by their time."""
    principal = await (await opened()).authenticate(shown(right))
    assert principal.credential == principal.attributes["tbs_sha256"]
    assert principal.issued_at == right.certificate.not_valid_before_utc.timestamp()
    assert set(principal.attributes) == {
        "serial", "issuer_sha256", "tbs_sha256", "spiffe_id"
    }  # fmt: skip


async def test_a_kept_connection_is_judged_on_every_request(
    opened, authority, shown, clock, refusal
):
    """Case 23: the same connection, before its certificate's time, in it and after it."""
    authenticator, request = await opened(), shown(authority.issue(SPIFFE, valid=(10, 20)))
    assert "not valid yet" in await refusal(authenticator, request)
    clock.advance(10)
    assert (await authenticator.authenticate(request)).id == AGENT
    clock.advance(10)
    assert (await authenticator.authenticate(request)).id == AGENT
    clock.advance(1)
    assert "expired" in await refusal(authenticator, request)


async def test_a_removed_authority_ends_what_it_proved(
    opened, authority, make_authority, believed, shown, right, refusal
):
    authenticator, request = await opened(), shown(right)
    assert await authenticator.authenticate(request)
    successor = make_authority("Successor")
    believed.only(authority, successor)
    assert await authenticator.authenticate(request)
    believed.only(successor)
    assert "not believed any more" in await refusal(authenticator, request)
    assert await authenticator.authenticate(shown(successor.issue(SPIFFE)))


async def test_the_same_certificate_proved_by_another_chain_is_another(
    opened, believed, make_authority, shown, refusal
):
    """What is remembered of one connection's proof is not lent to another's."""
    root, stranger = make_authority("Root"), make_authority("Stranger")
    between = make_authority("Between", above=root)
    believed.only(root)
    authenticator, issued = await opened(), between.issue(SPIFFE)
    assert await authenticator.authenticate(shown(issued))
    other = shown(issued, issuers=(between.own.der, stranger.own.der))
    assert "not believed" in await refusal(authenticator, other)
    assert "not known what proved" in await refusal(authenticator, shown(issued, issuers=()))


async def test_a_certificate_is_read_once(opened, shown, right, monkeypatch, refusal, authority):
    """Right or wrong, what time does not change is worked out once."""
    authenticator, calls = await opened(), []
    examine = module.examine
    monkeypatch.setattr(module, "examine", lambda *a, **k: calls.append(a) or examine(*a, **k))
    wrong = authority.issue(SPIFFE, purposes=None)
    for _ in range(3):
        assert await authenticator.authenticate(shown(right))
        assert "extended key usage" in await refusal(authenticator, shown(wrong))
    assert len(calls) == 2


async def test_a_trusted_proxy_speaks_for_its_client(opened, authority, shown, right):
    """The proxy is authenticated like anybody; the agent is the forwarded certificate's."""
    authenticator = await opened(trusted_proxies=[EDGE])
    edge = authority.issue(EDGE)
    earlier = authority.issue("spiffe://corp.example/agent/another")
    headers = [forwarded(earlier), (FIELD, f"{forwarded(earlier)[1]},{forwarded(right)[1]}")]
    principal = await authenticator.authenticate(shown(edge, headers=headers))
    assert (principal.id, principal.attributes["spiffe_id"]) == (AGENT, SPIFFE)


async def test_what_a_proxy_passes_on_is_proved_by_the_proxys_certificate_too(
    opened, authority, shown, right
):
    """It is named, so that revoking it by its name ends the proxy's word."""
    authenticator, edge = await opened(trusted_proxies=[EDGE]), authority.issue(EDGE)
    principal = await authenticator.authenticate(shown(edge, headers=[forwarded(right)]))
    direct = await authenticator.authenticate(shown(right))
    name = certificate_name(edge.certificate.tbs_certificate_bytes)
    assert principal.via == (CredentialName("mtls", name),)
    assert (direct.credential, direct.via) == (principal.credential, ())


async def test_what_a_proxy_forwards_is_judged_like_any_other(
    opened, authority, make_authority, shown, right, refusal, written, clock
):
    revoked, short = authority.issue(SPIFFE), authority.issue(SPIFFE, valid=(-1, 10))
    lists = written(authority.revocation_list(revoked))
    authenticator = await opened(trusted_proxies=[EDGE], crl_file=lists)
    edge = authority.issue(EDGE)
    for issued, why in (
        (make_authority("Another").issue(SPIFFE), "no authority proves"),
        (authority.issue(SPIFFE, purposes=None), "extended key usage"),
        (authority.issue(cn=AGENT), "no name"),
        (revoked, "revoked"),
        (edge, "no name"),
    ):
        assert why in await refusal(authenticator, shown(edge, headers=[forwarded(issued)]))
    request = shown(edge, headers=[forwarded(short)])
    assert (await authenticator.authenticate(request)).id == AGENT
    clock.advance(11)
    assert "expired" in await refusal(authenticator, request)


async def test_a_common_name_is_not_proved_past_an_issuers_limits(
    opened, authority, make_authority, shown, refusal
):
    """OpenSSL holds a common name to them, cryptography's verifier does not."""
    rules = [{"cn": "{agent}"}, {"spiffe": "spiffe://corp.example/agent/{agent}"}]
    authenticator = await opened(trusted_proxies=[EDGE], strict=False, names=rules)
    edge, limits = authority.issue(EDGE), x509.NameConstraints([x509.DNSName("good.example")], None)
    for extensions, agent in (([], "bad.example"), ([(limits, True)], None)):
        between = make_authority("Between")
        between.own = authority.issue(
            cn="Between", key=between.own.key, authority=True, purposes=None, extensions=extensions
        )

        def by(issued, between=between):
            chain = quote((issued.pem + between.own.pem).decode(), safe="")
            field = f'{forwarded(issued)[1]};Chain="{chain}"'
            return shown(edge, headers=[(FIELD, field)])

        named, both = between.issue(cn="bad.example"), between.issue(SPIFFE, cn="bad.example")
        if agent is None:
            assert "no name" in await refusal(authenticator, by(named))
        else:
            assert (await authenticator.authenticate(by(named))).id == agent
        assert (await authenticator.authenticate(by(both))).id == (agent or AGENT)


async def test_a_proxy_without_a_whole_element_proves_nobody(opened, authority, shown, refusal):
    authenticator, edge = await opened(trusted_proxies=[EDGE]), authority.issue(EDGE)
    for headers in ([], [(FIELD, "")], [(FIELD, "junk")], [(FIELD, 'Subject="CN=x"')]):
        assert await refusal(authenticator, shown(edge, headers=headers))


async def test_a_proxy_has_to_prove_itself(
    opened, authority, make_authority, shown, right, refusal, clock
):
    authenticator = await opened(trusted_proxies=[EDGE])
    for edge in (
        authority.issue(EDGE, valid=(-10, -5)),
        authority.issue(EDGE, purposes=None),
        authority.issue(EDGE, SPIFFE),
        make_authority("Another").issue(EDGE),
        authority.issue(EDGE + "/other"),
        authority.issue(cn=EDGE),
    ):
        assert await refusal(authenticator, shown(edge, headers=[forwarded(right)]))


async def test_the_header_of_anybody_else_is_ignored(opened, authority, shown, right):
    """It neither proves nor disturbs, with trusted proxies and without."""
    another = authority.issue("spiffe://corp.example/agent/another")
    for config in ({}, {"trusted_proxies": [EDGE]}):
        authenticator = await opened(**config)
        for headers in ([forwarded(another)], [(FIELD, "junk")]):
            principal = await authenticator.authenticate(shown(right, headers=headers))
            assert principal.id == AGENT
            assert await authenticator.authenticate(a_request(headers=headers)) is None
