"""Every kind of configured key ends in the same place: an agent that its token proves."""

import json
import secrets

import pytest
from joserfc.jwk import OctKey, RSAKey

from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.issuers import issuers_of
from caracal_auth_jwt.jwks_url import JwksUrl, Pace, Place
from caracal_core.errors import Misconfigured, Unauthenticated
from caracal_core.testing.fakes import FakeHttp

URL = "https://idp.example/jwks.json"
FIRST, SECOND = "https://one.example", "https://two.example"


def entry(issuer, **more):
    return {
        "issuer": issuer,
        "audience": "caracal",
        "agents": ["*"],
        "algorithms": ["RS256"],
    } | more


def jwks_of(*keys):
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


@pytest.fixture
def for_us():
    """Claims that every issuer here has to make."""
    return {"iss": FIRST, "aud": "caracal"}


async def test_a_pem_file(open_issuers, issuer, bearer, for_us, tmp_path):
    (tmp_path / "key.pem").write_bytes(issuer.public_pem)
    jwt = await open_issuers(entry(FIRST, public_key_file=str(tmp_path / "key.pem")))
    assert (await jwt.authenticate(bearer(issuer.token(**for_us)))).id == "research-1"


async def test_a_jwks_file_with_several_kinds_of_keys(
    open_issuers, make_issuer, bearer, for_us, tmp_path
):
    issuers = [make_issuer(algorithm) for algorithm in ("RS256", "ES256", "Ed25519")]
    (tmp_path / "jwks.json").write_bytes(jwks_of(*(each.key for each in issuers)))
    algorithms = [each.algorithm for each in issuers]
    jwt = await open_issuers(
        entry(FIRST, algorithms=algorithms, jwks_file=str(tmp_path / "jwks.json"))
    )
    for each in issuers:
        assert (await jwt.authenticate(bearer(each.token(**for_us)))).id == "research-1"
        with pytest.raises(Unauthenticated):
            await jwt.authenticate(bearer(make_issuer("PS256").token(**for_us)))


async def test_a_jwks_url(open_issuers, issuer, bearer, for_us):
    http = FakeHttp()
    http.put(URL, jwks_of(issuer.key))
    jwt = await open_issuers(entry(FIRST, jwks_url=URL), http=http)
    assert (await jwt.authenticate(bearer(issuer.token(**for_us)))).id == "research-1"
    assert http.asked == [URL]


async def test_a_secret_file(open_issuers, make_issuer, bearer, for_us, tmp_path):
    secret = secrets.token_hex(32)
    (tmp_path / "secret").write_text(f"{secret}\n")
    signer = make_issuer("HS256", OctKey.import_key(secret))
    more = {"algorithms": ["HS256"], "secret_file": str(tmp_path / "secret")}
    jwt = await open_issuers(entry(FIRST, **more))
    assert (await jwt.authenticate(bearer(signer.token(**for_us)))).id == "research-1"
    other = make_issuer("HS256", OctKey.import_key(secrets.token_hex(32)))
    for token in (other.token(**for_us), make_issuer("RS256").token(**for_us)):
        with pytest.raises(Unauthenticated):
            await jwt.authenticate(bearer(token))


@pytest.mark.parametrize(
    ("name", "algorithm", "content"),
    [
        ("public_key_file", "RS256", b"no key"),
        ("jwks_file", "RS256", b'{"keys":[]}'),
        ("secret_file", "HS256", b"short"),
    ],
)
async def test_an_unfit_file_stops_the_start_and_is_named(
    open_issuers, tmp_path, name, algorithm, content
):
    path = tmp_path / "file"
    path.write_bytes(content)
    good = entry(FIRST, jwks_url=URL)
    with pytest.raises(Misconfigured) as caught:
        await open_issuers(good, entry(SECOND, algorithms=[algorithm], **{name: str(path)}))
    assert caught.value.where == f"auth_jwt.issuers[1].{name}"
    assert str(path) in caught.value.what
    assert caught.value.mend


@pytest.fixture
async def two(open_issuers, make_issuer, tmp_path):
    """Two issuers with keys of their own, each with agents of its own."""
    signers = {}
    entries = []
    for name, team in ((FIRST, "research-*"), (SECOND, "finance-*")):
        signers[name] = make_issuer("RS256", RSAKey.generate_key(2048))
        path = tmp_path / f"{team[:-2]}.pem"
        path.write_bytes(signers[name].public_pem)
        entries.append(entry(name, agents=[team], public_key_file=str(path)))
    return signers, await open_issuers(*entries)


async def test_each_issuer_proves_its_own_agents_with_its_own_key(two, bearer):
    """One issuer can neither sign as another nor mint another's agents."""
    signers, jwt = two
    own = {FIRST: "research-1", SECOND: "finance-1"}
    for signer in signers:
        for iss in (*own, "https://three.example", FIRST + "/", FIRST.upper()):
            for agent in own.values():
                token = signers[signer].token(iss=iss, aud="caracal", sub=agent)
                if signer == iss and agent == own[iss]:
                    assert (await jwt.authenticate(bearer(token))).id == agent
                else:
                    with pytest.raises(Unauthenticated):
                        await jwt.authenticate(bearer(token))


@pytest.mark.parametrize("iss", [None, 1, [FIRST], {"a": FIRST}, True, ""])
async def test_a_token_that_names_no_issuer_is_refused(two, bearer, iss):
    signers, jwt = two
    with pytest.raises(Unauthenticated) as caught:
        await jwt.authenticate(bearer(signers[FIRST].token(iss=iss, aud="caracal")))
    assert caught.value.internal == "the token names no trusted issuer"


async def test_no_issuer_takes_a_token_without_issuer_audience_or_end(two, bearer, for_us):
    """Case 19."""
    signers, jwt = two
    assert await jwt.authenticate(bearer(signers[FIRST].token(**for_us)))
    for missing in ("iss", "aud", "exp"):
        with pytest.raises(Unauthenticated):
            await jwt.authenticate(bearer(signers[FIRST].token(**for_us | {missing: None})))


def test_what_the_section_says_of_urls_reaches_them():
    section = {
        "jwks_refresh_min_seconds": 2,
        "jwks_refresh_max_seconds": 3,
        "jwks_unknown_kid_seconds": 4,
        "jwks_timeout": 1,
        "jwks_ttl": 5,
    }
    more = {"jwks_url": URL, "ca_file": "ca.pem", "allow_private": True, "allow_http": True}
    (issuer,) = issuers_of(JwtConfig(issuers=[entry(FIRST, **more)], **section))
    assert isinstance(issuer.keys, JwksUrl)
    assert issuer.keys._pace == Pace(2, 3, 4, 1, 5)
    assert issuer.keys._place == Place(URL, "ca.pem", True, True)


def test_the_flat_keys_make_one_issuer():
    (issuer,) = issuers_of(JwtConfig(issuer=FIRST))
    assert issuer.name == FIRST
