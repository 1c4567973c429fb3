"""Whatever is done to a key or written into a field or a query, only the given answers come."""

import asyncio
import os

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from caracal_core.errors import BadRequest, Unauthenticated
from caracal_core.testing.fakes import a_request

EXAMPLES = int(os.environ.get("CARACAL_EXAMPLES", "3000"))
"""How many mutations a run tries; set CARACAL_EXAMPLES for a long one."""

pytestmark = pytest.mark.timeout(120 + EXAMPLES // 10)  # a long run has longer

LETTERS = st.sampled_from("abcxyz2345670189ABC_- \t\n\x00é")


@st.composite
def mutations(draw):
    """Give a function that does something to a key."""
    kind = draw(st.sampled_from(["put", "cut", "insert", "splice", "case", "end", "swap"]))
    where, many, letter = draw(st.floats(0, 1)), draw(st.integers(1, 40)), draw(LETTERS)

    def mutate(text):
        at = int(where * len(text))
        return {
            "put": text[:at] + letter + text[at + 1 :],
            "cut": text[:at] + text[at + many :],
            "insert": text[:at] + letter * many + text[at:],
            "splice": text[at:] + text[:at],
            "case": text[:at] + text[at : at + many].swapcase() + text[at + many :],
            "end": text + letter * many,
            "swap": text[:at] + text[at : at + many][::-1] + text[at + many :],
        }[kind]

    return mutate


def answered(authenticator, request):
    """Return the answer, which must come without any waiting: nobody is asked."""
    coroutine = authenticator.authenticate(request)
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    except (BadRequest, Unauthenticated) as refusal:
        return refusal
    finally:
        coroutine.close()
    raise AssertionError("judging it waited for something")


def shown_in(place, text):
    """Make a request that shows a text in one of the places where a key may be looked for."""
    if place == "query":
        return a_request(path=f"/?key={text}")
    name, _, scheme = place.partition(" ")
    return a_request(headers={name: f"{scheme} {text}" if scheme else text})


async def test_no_mutation_of_a_good_key_proves_anybody_or_asks_anybody(desk):
    """Characters, places and lengths: every change ends in 401 or 400, without SQL."""
    key = await desk.issue()
    await desk.show(key.text)
    before = desk.database.asked

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(
        st.lists(mutations(), min_size=1, max_size=3),
        st.sampled_from(["x-api-key", "authorization ApiKey", "authorization Bearer", "query"]),
    )
    def check(changes, place):
        mutant = key.text
        for change in changes:
            mutant = change(mutant)
        assume(mutant != key.text)
        answer = answered(desk.authenticator, shown_in(place, mutant))
        if place in ("x-api-key", "authorization ApiKey"):
            assert isinstance(answer, Unauthenticated)
            assert key.text[20:] not in answer.internal
        else:
            assert answer is None or isinstance(answer, BadRequest | Unauthenticated)

    await asyncio.to_thread(check)
    assert desk.database.asked == before


async def test_no_value_is_an_error(desk):
    """Whatever a client writes into a field or a query, it is not mine or bad."""

    @settings(max_examples=EXAMPLES // 3, deadline=None)
    @given(
        st.text(st.characters(max_codepoint=255)),
        st.sampled_from(["", "ck_", "CK_", "Bearer ck_", "ApiKey "]),
        st.sampled_from(["x-api-key", "authorization", "query"]),
    )
    def check(text, beginning, place):
        answer = answered(desk.authenticator, shown_in(place, beginning + text))
        assert answer is None or isinstance(answer, BadRequest | Unauthenticated)

    await asyncio.to_thread(check)


async def test_a_field_of_any_length_is_refused_alike(desk):
    """The edge lets 16 kB pass; a longer one does no harm either."""
    key = await desk.issue()
    before = desk.database.asked
    for length in (81, 16_000, 1_000_000):
        for filler in (key.text, "ck_", " ", "a", "_"):
            text = (filler * length)[:length]
            for place in ("x-api-key", "authorization ApiKey", "query"):
                answer = answered(desk.authenticator, shown_in(place, text))
                assert answer is None or isinstance(answer, BadRequest | Unauthenticated)
                assert place == "query" or answer is not None
    assert desk.database.asked == before
