"""Whatever is done to a token or written into the header field, only the given answers come."""

import asyncio
import json
import os

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from caracal_core.domain import Principal
from caracal_core.errors import Unauthenticated

EXAMPLES = int(os.environ.get("CARACAL_EXAMPLES", "3000"))
"""How many mutations a run tries; set CARACAL_EXAMPLES for a long one."""

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


async def test_no_mutation_of_a_good_token_proves_anybody(opened, make_issuer, refused):
    """Bits, letters, parts and lengths: every change ends in Unauthenticated."""
    issuers = [make_issuer(algorithm) for algorithm in ("RS256", "PS256", "Ed25519")]
    doors = [(issuer.token(), await opened(issuer)) for issuer in issuers]

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
