"""Whatever is done to a token or written into the header field, only the given answers come."""

import asyncio
import json
import os

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from caracal_auth_jwt.algorithms import ALGORITHMS, signature
from caracal_auth_jwt.jwks import load
from caracal_auth_jwt.keys import Unfit
from caracal_core.domain import Principal
from caracal_core.errors import Unauthenticated
from caracal_core.testing.fakes import FakeHttp

EXAMPLES = int(os.environ.get("CARACAL_EXAMPLES", "1500"))
"""How many mutations a run tries; CARACAL_EXAMPLES=100000 is a long one."""

pytestmark = pytest.mark.timeout(120 + EXAMPLES // 10)  # a long run has longer


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """Nothing that anybody sends or signs leaves a traceback, or an error, in the log."""
    yield
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= 40]


URL = "https://idp.example/jwks.json"
LETTERS = st.sampled_from("ABCXYZabcxyz0189-_=.+/ \n\x00é")


@st.composite
def mutations(draw):
    """Give a function that does something to a token."""
    kind = draw(st.sampled_from(["put", "cut", "insert", "turn", "splice", "case", "end"]))
    where, many, letter = draw(st.floats(0, 1)), draw(st.integers(1, 40)), draw(LETTERS)

    def mutate(token):
        at = int(where * len(token))
        parts = token.split(".")
        return {
            "put": token[:at] + letter + token[at + 1 :],
            "cut": token[:at] + token[at + many :],
            "insert": token[:at] + letter * many + token[at:],
            "turn": ".".join(parts[many % len(parts) :] + parts[: many % len(parts)]),
            "splice": token[at:] + token[:at],
            "case": token[:at] + token[at : at + many].swapcase() + token[at + many :],
            "end": token + letter * many,
        }[kind]

    return mutate


@pytest.fixture
async def doors(opened, open_issuers, make_issuer):
    """Good tokens and who accepts them: by pinned keys, and by a published set."""
    issuers = [make_issuer(algorithm) for algorithm in ("RS256", "PS256", "Ed25519")]
    pinned = [(issuer.token(), await opened(issuer)) for issuer in issuers]
    http, common = FakeHttp(), {"audience": "caracal", "agents": "*", "algorithms": ALGORITHMS}
    http.put(URL, a_set(make_issuer))
    one, two = ({"issuer": iss, "jwks_url": URL, **common} for iss in ("one", "two"))
    jwt = await open_issuers(one, two, http=http)
    claims = {"iss": "two", "aud": "caracal"}
    published = [(issuer.token({"kid": issuer.algorithm}, **claims), jwt) for issuer in issuers]
    return pinned + published


def a_set(make_issuer):
    signers = [make_issuer(name) for name in ALGORITHMS]
    jwks = [
        each.key.as_dict(private=False) | {"kid": each.algorithm, "alg": each.algorithm}
        for each in signers
    ]
    return json.dumps({"keys": jwks}).encode()


async def test_no_mutation_of_a_good_token_proves_anybody(doors, ask, refused):
    """Bits, letters, parts and lengths: every change ends in Unauthenticated."""
    for token, authenticator in doors:
        assert ask(authenticator, f"Bearer {token}").id == "research-1"

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.sampled_from(doors), st.lists(mutations(), min_size=1, max_size=3))
    def check(door, changes):
        token, authenticator = door
        mutant = token
        for change in changes:
            mutant = change(mutant)
        assume(mutant != token)
        assert refused(authenticator, mutant)

    await asyncio.to_thread(check)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
HEADERS = st.dictionaries(st.sampled_from(["alg", "typ", "kid", "cty", "crit", "jwk", "b64"]), JSON)
CLAIMS = st.dictionaries(st.sampled_from(["sub", "exp", "nbf", "iat", "aud", "iss", "jti"]), JSON)


async def test_whatever_is_signed_ends_in_one_of_the_answers(opened, make_issuer, ask):
    """Even a malicious issuer gets a principal or a refusal, never an error."""
    issuer = make_issuer("Ed25519")
    authenticator = await opened(issuer)

    @settings(max_examples=EXAMPLES // 3, deadline=None)
    @given(HEADERS, CLAIMS, st.sampled_from([{}, {"alg": "Ed25519"}]), st.booleans())
    def check(header, claims, alg, good):
        claims = issuer.claims() | claims if good else claims
        token = issuer.sign(json.dumps(header | alg).encode(), json.dumps(claims).encode())
        try:
            answer = ask(authenticator, f"Bearer {token}")
        except Unauthenticated:
            return
        assert isinstance(answer, Principal)

    await asyncio.to_thread(check)


KEY = st.dictionaries(
    st.sampled_from(["kty", "crv", "n", "e", "x", "y", "alg", "use", "key_ops", "kid", "d", "k"]),
    JSON
    | st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "RS256", "ES256", "sig"])
    | st.text("ABCabc019-_=+", max_size=90),
)


async def test_whatever_an_issuer_publishes_is_a_set_of_fit_keys_or_none(make_issuer):
    """Changed members, bytes and lengths of good keys, and keys made up, never stumble."""
    good = a_set(make_issuer)
    jwks = json.loads(good)["keys"]

    @settings(max_examples=EXAMPLES // 3, deadline=None)
    @given(st.sampled_from(jwks), KEY, st.booleans(), st.lists(mutations(), max_size=2))
    def check(jwk, members, keep, changes):
        text = json.dumps({"keys": [jwk | members if keep else members]})
        for change in changes:
            text = change(text)
        try:
            keys = load(text.encode(), ALGORITHMS)
        except Unfit:
            return
        for algorithm in ALGORITHMS:
            for key in keys.find(None, algorithm):
                assert key.algorithm == signature(algorithm)

    await asyncio.to_thread(check)


async def test_no_authorization_value_is_an_error(opened, issuer, ask):
    """Whatever a client writes into the field, it is not mine or bad."""
    authenticator = await opened(issuer)

    @settings(max_examples=EXAMPLES // 3, deadline=None)
    @given(st.text(st.characters(max_codepoint=255)), st.sampled_from(["", "Bearer ", "bearer"]))
    def check(text, scheme):
        try:
            answer = ask(authenticator, scheme + text)
        except Unauthenticated:
            return
        assert answer is None

    await asyncio.to_thread(check)
