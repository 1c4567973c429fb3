"""``caracal prices``: set, seen and taken back; no odd price gets in, no version is lost."""

import json

import pytest
import yaml

TARIFFS = {
    "llm_call": {"currency": "USD", "per_call": "0.002"},
    "chat": {
        "currency": "USD",
        "models": {"gpt-*": {"completion": "10", "max_output": 100}, "o1": {}},
    },
}
PER_SECOND = {"currency": "USD", "per_second": "1"}


@pytest.fixture
def prices(caracal_at, tmp_path):
    """Run ``caracal prices`` with two tariffs; a mapping is written to a file first."""
    (tmp_path / "caracal.yaml").write_text(yaml.safe_dump({"tariffs": TARIFFS}))

    def prices(*arguments, code=0):
        file = tmp_path / "price.yaml"
        for terms in arguments:
            if not isinstance(terms, str):
                file.write_text(yaml.safe_dump(terms))
        words = (each if isinstance(each, str) else file.name for each in arguments)
        return caracal_at("prices", *words, "--config", "caracal.yaml", code=code)

    return prices


def in_force(prices, tariff="llm_call"):
    (row,) = [row for row in json.loads(prices("list", "--json")) if row["tariff"] == tariff]
    return row


def test_a_price_from_its_first_version_to_its_end(prices):
    """The whole life, as an operator would type it."""
    row = in_force(prices)
    assert (row["source"], row["since"], row["prices"]) == ("configuration", None, "per_call")
    assert row["version"].startswith("yaml-")

    dearer = {"currency": "USD", "per_call": "0.5"}
    assert prices("set", "llm_call", dearer) == "llm_call@1 is in force within seconds.\n"
    row = in_force(prices)
    assert (row["source"], row["version"], row["currency"]) == ("database", "1", "USD")
    assert yaml.safe_load(prices("show", "llm_call")) == dearer

    assert prices("set", "llm_call", "--as-configured") == (
        "llm_call@2 leaves it to the configuration.\n"
    )
    assert in_force(prices)["source"] == "configuration"
    assert json.loads(prices("show", "llm_call", "--json")) == TARIFFS["llm_call"]
    assert json.loads(prices("show", "llm_call@1", "--json")) == dearer
    assert "leaves the tariff" in prices("show", "llm_call@2")

    head, *lines = prices("history", "llm_call").splitlines()
    assert head.split() == ["ID", "VERSION", "CREATED", "AT", "CURRENCY", "PRICES"]
    assert [line.split()[1] for line in lines] == ["1", "2"]
    assert "No version" in prices("history", "chat")


def test_the_price_of_an_entry_is_shown_by_its_name(prices):
    terms = TARIFFS["chat"]
    prices("set", "chat", terms)
    for name in ("chat/gpt-*@1", "chat/gpt-x@1", "chat/gpt-x"):
        assert json.loads(prices("show", name, "--json"))["models"] == {
            "gpt-*": terms["models"]["gpt-*"]
        }
    assert "prices no model" in prices("show", "chat/claude@1", code=1)


def test_what_is_not_there_is_said(prices):
    assert "has no tariff other" in prices("set", "other", TARIFFS["chat"], code=1)
    assert "has no tariff other" in prices("show", "other", code=1)
    assert "no version 9 of chat" in prices("show", "chat@9", code=1)
    assert "FILE or --as-configured" in prices("set", "chat", code=2)
    assert "FILE or --as-configured" in prices(
        "set", "chat", TARIFFS["chat"], "--as-configured", code=2
    )


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"currency": "USD", "per_cal": "1"}, ["per_cal", "line 2", "Did you mean per_call?"]),
        ({"currency": "USD", "per_call": "-1"}, ["per_call", "line 2", "plain decimal"]),
        ({"currency": "USD", "per_call": 1}, ["per_call", "write it in quotes"]),
        ({"currency": "EUR", "per_call": "1"}, ["is in EUR, while llm_call is in USD"]),
        ({"currency": "USD", "per_call": "9" * 10**5}, ["per_call", "too long, 100000 characters"]),
        (PER_SECOND | {"most_seconds": True}, ["most_seconds", "line 2", "valid integer"]),
        (PER_SECOND | {"most_seconds": "0.1e1"}, ["most_seconds", "line 2", "valid integer"]),
        (PER_SECOND | {"most_seconds": "1_0"}, ["most_seconds", "line 2", "valid integer"]),
        ({"currency": "USD"}, ["nothing is priced"]),
        ({"currency": "USD", "per_second": "1"}, ["most_seconds"]),
        (["a"], ["not a mapping"]),
    ],
)
def test_a_price_that_is_none_is_explained(prices, terms, said):
    told = prices("set", "llm_call", terms, code=2)
    for words in ("price.yaml", *said):
        assert words in told
    assert json.loads(prices("history", "llm_call", "--json")) == []
