"""A route and its terms never change; their defaults are those of the configuration."""

from caracal_core.domain import Route, Settle, Terms


def test_a_route_never_changes(frozen):
    frozen(Route("id", "GET", "/", "/", Terms("openai")))


def test_terms_never_change(frozen):
    frozen(Terms("openai"))


def test_the_rules_of_endings_never_change(frozen):
    frozen(Settle())


def test_what_was_sent_costs_and_what_failed_does_not():
    """Hanging up early, cutting a reply and dying are not ways to work for free."""
    rules = Settle()
    assert (rules.client_gone, rules.cut, rules.orphan) == ("post", "post", "post")
    assert (rules.upstream_failed, rules.error_status) == ("void", "void")
    assert rules.upstream_timeout == "void"


def test_a_route_is_free_open_to_every_scheme_and_bounded_unless_told():
    terms = Terms("openai")
    assert (terms.tariff, terms.schemes, terms.replay) == (None, frozenset(), "when_present")
    assert terms.max_request_bytes == 10 * 1024 * 1024
