"""Three answers: not mine, yes, mine and bad; and whatever comes after Bearer is one of these."""

from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
from msgspec.structs import replace

from caracal_auth_jwt.authenticator import JwtAuthenticator
from caracal_auth_jwt.issuer import Issuer
from caracal_core.domain import Connection, Principal
from caracal_core.errors import Unauthenticated
from caracal_core.testing.contracts import AuthenticatorContract
from caracal_core.testing.fakes import FakeClock, a_request

NOW = 1_800_000_000


class TestContract(AuthenticatorContract):
    """The authenticator owes what every authenticator owes."""

    @pytest.fixture
    async def authenticator(self, opened, issuer):
        return await opened(issuer, audience="caracal")

    @pytest.fixture
    def good_request(self, issuer, bearer):
        return bearer(issuer.token(aud="caracal", iss="https://idp.example", scope="read"))

    @pytest.fixture
    def agent(self):
        return "research-1"

    @pytest.fixture
    def bad_requests(self, issuer, make_issuer, bearer):
        return [
            bearer("non.sense.indeed"),
            bearer(issuer.token(aud="caracal", exp=1)),
            bearer(issuer.token(aud="another")),
            bearer(issuer.token(aud="caracal", sub="not a name")),
            bearer(make_issuer("PS256").token(aud="caracal")),
            bearer(issuer.token(aud="caracal")[:-4] + "AAAA"),
        ]


async def test_a_token_of_every_algorithm_proves_its_agent(opened, every_issuer, bearer):
    """Each accepted algorithm works end to end, from the PEM file to the principal."""
    authenticator = await opened(every_issuer)
    token = every_issuer.token(iss="https://idp.example", jti="1", scope=["read", "write"])
    assert await authenticator.authenticate(bearer(token)) == Principal(
        "research-1",
        "jwt",
        {
            "issuer": "https://idp.example",
            "subject": "research-1",
            "jti": "1",
            "scopes": "read write",
        },
        credential="https://idp.example 1",
        issued_at=NOW - 5 - 30,
    )


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_the_scheme_is_known_in_any_letter_case(opened, issuer, scheme):
    """RFC 9110 section 11.1: the scheme's name has no letter case."""
    request = a_request(headers={"authorization": f"{scheme} {issuer.token()}"})
    assert (await (await opened(issuer)).authenticate(request)).id == "research-1"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic dXNlcjpwYXNz",
        "ApiKey abc",
        "Bearerer a.b.c",
        "Bearer-Token a.b.c",
        "a.b.c",
        "Bea",
    ],
)
async def test_another_scheme_is_not_mine(opened, issuer, value):
    """Another scheme's credential is left to the next authenticator."""
    request = a_request(headers={"authorization": value})
    assert await (await opened(issuer)).authenticate(request) is None


@pytest.mark.parametrize(
    "value",
    [
        *("ck_abcdefgh", "opaque", "a" * 10_000, "a b", "=="),
        *("id.secret", "ck_a.b", "v4.public.x.y", "h.k.iv.text.tag", ".", "a.b", "a.b.c.d"),
    ],
)
async def test_a_bearer_token_of_another_form_is_not_mine(opened, issuer, bearer, value):
    """It is no JWT, and may be the credential of another mode."""
    assert await (await opened(issuer)).authenticate(bearer(value)) is None


@pytest.mark.parametrize("value", ["..", "a.b.c", "a.b.", "a..c", ".b.c", "e30.e30.AA"])
async def test_a_bearer_token_of_three_parts_is_mine_and_bad(opened, issuer, refused, value):
    """What looks like a JWT is judged here, and nobody else is asked."""
    assert refused(await opened(issuer), value)


def test_it_says_which_field_it_reads():
    """No upstream ever gets it."""
    assert JwtAuthenticator.headers == {"authorization"}


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        "Bearer  {}",
        "Bearer\t{}",
        "Bearer {} ",
        "Bearer {},",
        "Bearer={}",
        "Bearer: {}",
        'Bearer "{}"',
        "Bearer token={}",
        "Bearer {}\xa0",
    ],
)
async def test_a_good_token_written_wrongly_is_refused(opened, issuer, value):
    """Exactly one space stands between scheme and token, and nothing else around it."""
    request = a_request(headers={"authorization": value.format(issuer.token())})
    with pytest.raises(Unauthenticated):
        await (await opened(issuer)).authenticate(request)


@pytest.mark.parametrize("other", ["Basic dXNlcjpwYXNz", "Bearer {}", ""])
async def test_a_second_authorization_field_spoils_the_first(opened, issuer, other):
    """Which of two the upstream or the log believes must not be a question."""
    token = issuer.token()
    pair = [("authorization", other.format(token)), ("authorization", f"Bearer {token}")]
    for fields in (pair, pair[::-1]):
        with pytest.raises(Unauthenticated, match="No valid credential") as caught:
            await (await opened(issuer)).authenticate(a_request(headers=fields))
        assert caught.value.internal == "there are several Authorization fields"


async def test_a_token_in_the_query_or_another_header_is_no_credential(opened, issuer):
    """RFC 6750 section 2.3 is not served: queries end up in logs."""
    token = issuer.token()
    request = a_request(
        path=f"/a?access_token={token}",
        headers={"x-api-key": token, "proxy-authorization": f"Bearer {token}", "cookie": token},
    )
    assert await (await opened(issuer)).authenticate(request) is None


async def test_claims_are_read_only_after_the_signature(opened, issuer, make_issuer, make_key):
    """A forged token is refused for its signature, whatever its claims are."""
    forged = make_issuer("RS256", make_key("RSA").generate_key(2048)).sign(
        b'{"alg":"RS256"}', b"not even JSON"
    )
    authenticator = await opened(issuer)
    with pytest.raises(Unauthenticated) as caught:
        await authenticator.authenticate(a_request(headers={"authorization": f"Bearer {forged}"}))
    assert caught.value.internal == "the token's signature is not the pinned key's"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"exp":NaN}',
        b'{"exp":1e999}',
        b'{"sub":"\xff"}',
        b'{"sub":"root","sub":"research-1","exp":1800000600}',
        b'{"exp":' + b"[" * 5000,
        b'{"sub":"research-1","exp":1800000600,"x":' + b"[" * 513 + b"]" * 513 + b"}",
    ],
)
async def test_signed_claims_that_can_be_read_in_two_ways_are_refused(
    opened, issuer, bearer, payload
):
    """Not even the issuer can make the gateway read what another reader would read otherwise."""
    authenticator = await opened(issuer)
    with pytest.raises(Unauthenticated) as caught:
        await authenticator.authenticate(bearer(issuer.sign(b'{"alg":"RS256"}', payload)))
    assert caught.value.internal == "the token's claims are not one strict JSON object"


async def test_the_challenge_names_the_scheme_and_the_realm(opened, issuer):
    """RFC 6750 section 3; one challenge for every reason."""
    assert (await opened(issuer)).challenge == 'Bearer realm="caracal"'


async def test_a_token_that_comes_again_is_not_verified_again(opened, issuer, bearer, monkeypatch):
    """And one that was refused is refused again, each time for itself."""
    authenticator = await opened(issuer)
    token, bad = issuer.token(), issuer.token(exp=1)
    first = await authenticator.authenticate(bearer(token))
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(bearer(bad))
    monkeypatch.setattr(Issuer, "verify", None)
    assert await authenticator.authenticate(bearer(token)) is first
    for unknown in (bad, token + "A", token[:-4] + "AAAA"):
        with pytest.raises((TypeError, Unauthenticated)):
            await authenticator.authenticate(bearer(unknown))


async def test_without_a_cache_each_token_is_verified(opened, issuer, bearer, monkeypatch):
    authenticator = await opened(issuer, cache=0)
    await authenticator.authenticate(bearer(issuer.token()))
    monkeypatch.setattr(Issuer, "verify", None)
    with pytest.raises(TypeError):
        await authenticator.authenticate(bearer(issuer.token()))


async def test_a_remembered_token_expires(open_issuers, issuer, bearer, tmp_path):
    """No hit lives longer than the token."""
    (tmp_path / "key.pem").write_bytes(issuer.public_pem)
    clock = FakeClock(NOW)
    authenticator = await open_issuers(
        {
            "audience": "caracal",
            "agents": "*",
            "algorithms": ["RS256"],
            "public_key_file": str(tmp_path / "key.pem"),
            "leeway_seconds": 0,
        },
        clock=clock,
    )
    request = bearer(issuer.token(aud="caracal", exp=NOW + 60))
    assert await authenticator.authenticate(request)
    clock.advance(59)
    assert await authenticator.authenticate(request)
    clock.advance(1)
    with pytest.raises(Unauthenticated) as caught:
        await authenticator.authenticate(request)
    assert caught.value.internal == "the token has expired"


@pytest.mark.parametrize("cache", [0, 10])
async def test_a_bound_token_is_shown_with_its_certificate_only(opened, issuer, bearer, cache):
    """RFC 8705: remembered or not, a stolen one is worth nothing elsewhere."""
    own, other = b"the agent's certificate", b"the thief's certificate"
    digest = urlsafe_b64encode(sha256(own).digest()).rstrip(b"=").decode()
    request = bearer(issuer.token(cnf={"x5t#S256": digest}))
    authenticator = await opened(issuer, cache=cache)

    async def over(certificate):
        connection = Connection("127.0.0.1", tls=True, certificate=certificate)
        return await authenticator.authenticate(replace(request, connection=connection))

    for _ in range(2):
        assert (await over(own)).id == "research-1"
        for stolen in (other, None):
            with pytest.raises(Unauthenticated):
                await over(stolen)
