"""A quote is the most that a request may cost; what cannot be priced is refused, never free."""

import asyncio
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.tariffs.book import PriceBook
from caracal_core.builtin.tariffs.config import TariffConfig
from caracal_core.builtin.tariffs.price import Counted, Tokens
from caracal_core.builtin.tariffs.quoting import BookTariff
from caracal_core.domain import Money
from caracal_core.errors import BadRequest, Failure, PayloadTooLarge
from caracal_core.testing.contracts import TariffContract
from caracal_core.testing.fakes import FakeBody, a_principal, a_request, a_route, usd

HELLO = {"model": "gpt-x", "messages": [{"role": "user", "content": "hello"}]}
JSON = {"content-type": "application/json"}


class NoPrices:
    """A database where no price was ever set."""

    dialect = "sqlite"

    async def fetch(self, _sql, *_arguments):
        return []

    async def execute(self, _sql, *_arguments):
        return 1


async def a_tariff(**tariffs):
    configured = {name: TariffConfig.model_validate(terms) for name, terms in tariffs.items()}
    book = PriceBook(configured, logging.getLogger("test"))
    await book.refresh(NoPrices())
    return BookTariff(book, configured)


def a_chat(path="/v1/chat/completions", *, headers=JSON, **changes):
    return a_request("POST", path, headers=headers, body=json.dumps(HELLO | changes).encode())


async def quoted(terms, request, **route):
    tariff = await a_tariff(t={"currency": "USD"} | terms)
    route = a_route(tariff="t", target=request.path, **route)
    return await tariff.quote(request, route, a_principal())


class TestFlat(TariffContract):
    """A price per call owes what every tariff owes."""

    @pytest.fixture
    async def tariff(self):
        return await a_tariff(llm_call={"currency": "USD", "per_call": "0.002"})

    @pytest.fixture
    def price(self):
        return usd("0.002")


class TestTokens(TariffContract):
    """Prices by model owe it, too."""

    @pytest.fixture
    async def tariff(self, chat_terms):
        return await a_tariff(chat=chat_terms)

    @pytest.fixture
    def priced_request(self):
        return a_chat(max_tokens=10)

    @pytest.fixture
    def price(self):
        length = len(json.dumps(HELLO | {"max_tokens": 10}))
        return Money(-(-((length + 1024) * 3_750_000 + 10 * 10_000_000) // 10**6), "USD")

    @pytest.fixture
    def unpriceable(self):
        return [
            a_chat(model="gpt-y"),
            a_chat(max_tokens=-1),
            a_request("GET"),
            a_request("POST", headers=JSON, body=b'{"model":"gpt-x","model":"gpt-x"}'),
            a_request("POST", headers=JSON, body=b"nonsense"),
            a_request("POST", body=json.dumps(HELLO).encode()),
        ]


@pytest.mark.parametrize(
    ("written", "micro"), [("0.002", 2_000), ("0.000001", 1), ("3", 3_000_000), ("0", 0)]
)
async def test_a_price_per_call_is_exact_and_needs_no_meter(written, micro):
    quote = await quoted({"per_call": written}, a_request())
    assert (quote.amount.micro, quote.metered, quote.body) == (micro, False, None)


async def test_the_price_is_named_with_its_version(chat_terms):
    version = TariffConfig.model_validate(chat_terms).version("t")
    assert (await quoted(chat_terms, a_chat())).price == f"t/gpt-x@{version}"


async def test_a_request_of_declared_length_is_priced_by_it():
    quote = await quoted({"per_request_byte": "0.0000005"}, a_request("POST", body=b"x" * 3))
    assert (quote.amount.micro, quote.metered) == (2, False)


async def test_a_chunked_request_is_priced_by_the_longest_and_metered():
    body = FakeBody([b"x"], chunked=True)
    quote = await quoted({"per_request_byte": "0.000001"}, a_request("POST", body=body))
    assert (quote.amount.micro, quote.metered) == (a_route().terms.max_request_bytes, True)


async def test_replies_seconds_and_units_are_priced_by_their_bounds():
    quote = await quoted(
        {
            "per_reply_byte": "0.000000000001",
            "most_reply_bytes": 1_000_001,
            "per_second": "0.5",
            "most_seconds": 60,
            "per_unit": {"price": "0.01", "header": "x", "most_units": 7},
        },
        a_request(),
    )
    assert (quote.amount.micro, quote.metered) == (2 + 30_000_000 + 70_000, True)


async def test_a_stream_of_openais_is_asked_for_its_usage(chat_terms):
    quote = await quoted(chat_terms, a_chat(stream=True))
    assert json.loads(quote.body) == HELLO | {
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert quote.memo.keeps_usage


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses", "/v1/embeddings"])
async def test_another_apis_body_is_left_as_it_is(chat_terms, path):
    """They say their usage unasked, and refuse members that they do not know."""
    quote = await quoted(chat_terms, a_chat(path, stream=True))
    assert (quote.body, quote.memo.keeps_usage) == (None, False)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "text/plain"},
        {"content-type": "application/json; charset=utf-16"},
        [("content-type", "application/json"), ("content-type", "text/plain")],
        JSON | {"content-encoding": "gzip"},
        JSON | {"content-encoding": "identity, br"},
    ],
    ids=str,
)
async def test_a_body_that_an_upstream_may_read_otherwise_is_refused(chat_terms, headers):
    """`{"model":"cheap","x":"&model=dear"}` is JSON, and a form."""
    with pytest.raises(BadRequest, match="cannot be priced"):
        await quoted(chat_terms, a_chat(headers=headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "Application/JSON; charset=UTF-8"},
        {"content-type": 'application/json;charset="utf-8"'},
        JSON | {"content-encoding": "identity"},
    ],
    ids=str,
)
async def test_json_is_json_however_it_is_said(chat_terms, headers):
    assert (await quoted(chat_terms, a_chat(headers=headers))).amount.micro


async def test_a_refusal_repeats_nothing_of_the_body(chat_terms):
    with pytest.raises(BadRequest) as refusal:
        await quoted(chat_terms, a_chat(model="secret-model-name"))
    assert "secret" not in refusal.value.detail
    with pytest.raises(BadRequest) as refusal:
        await quoted(chat_terms, a_chat(n="secret"))
    assert "secret" not in refusal.value.detail
    assert "n" in refusal.value.detail


async def test_what_may_be_done_at_another_price_is_refused(chat_terms):
    with pytest.raises(BadRequest, match="its path names another model"):
        await quoted(chat_terms, a_chat("/openai/deployments/dear/chat/completions"))
    with pytest.raises(BadRequest, match="fallbacks may have another model"):
        await quoted(chat_terms, a_chat(fallbacks=["dear"]))


async def test_more_than_exists_is_not_priced(chat_terms):
    with pytest.raises(BadRequest, match="more than exists"):
        await quoted(chat_terms, a_chat(max_tokens=2**63 - 1, n=2**62))


async def test_a_body_beyond_the_cap_is_too_large(chat_terms):
    with pytest.raises(PayloadTooLarge):
        await quoted(chat_terms, a_chat(), max_request_bytes=20)


async def test_a_chunked_json_body_is_priced_by_what_came(chat_terms):
    body = FakeBody([json.dumps(HELLO).encode()], chunked=True)
    request = a_request("POST", headers=JSON, body=body)
    quote = await quoted(chat_terms | {"per_request_byte": "1"}, request)
    same = await quoted(chat_terms | {"per_request_byte": "1"}, a_chat())
    assert quote.amount == same.amount


@pytest.mark.parametrize("name", ["other", None])
async def test_a_route_that_it_has_no_price_for_is_refused(name):
    tariff = await a_tariff(t={"currency": "USD", "per_call": "1"})
    with pytest.raises(BadRequest):
        await tariff.quote(a_request(), a_route(tariff=name), a_principal())


async def test_prices_that_are_not_known_yet_are_the_gateways_own_trouble():
    configured = {"t": TariffConfig(currency="USD", per_call="1")}
    tariff = BookTariff(PriceBook(configured, logging.getLogger("test")), configured)
    with pytest.raises(Failure, match="not known"):
        await tariff.quote(a_request(), a_route(tariff="t"), a_principal())


@given(st.integers(1, 300), st.integers(1, 5), st.integers(0, 300), st.data())
def test_no_reply_that_respects_the_limits_costs_more_than_its_quote(
    limit, answers, characters, data
):
    """Whatever the tokenizer, and however the prompt was cached."""
    chat = {"prompt": "2.5", "cached": "1.25", "cache_write": "3.75", "completion": "10.000001"}
    terms = {"currency": "USD", "per_call": "0.000001"}
    terms["models"] = {"gpt-x": chat | {"max_input": 10**6, "max_output": 400}}
    request = a_chat(
        messages=[{"role": "user", "content": "é" * characters}], max_tokens=limit, n=answers
    )
    quote = asyncio.run(quoted(terms, request))
    prompt = data.draw(st.integers(0, request.body.length))
    cached = data.draw(st.integers(0, prompt))
    written = data.draw(st.integers(0, prompt - cached))
    completion = data.draw(st.integers(0, limit * answers))
    used = Counted(tokens=Tokens(prompt - cached - written, cached, written, completion))
    assert quote.memo.price.cost(used, quote.memo.model).micro <= quote.amount.micro
