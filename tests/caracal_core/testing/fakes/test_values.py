"""Values with sensible fields: what a test does not name fits together."""

from caracal_core.domain import Money
from caracal_core.testing.fakes import a_charge, a_principal, a_route, an_access, usd


def test_usd_reads_a_decimal():
    assert usd("0.25") == Money(250_000, "USD")


def test_a_principal_pays_from_an_account_of_its_name():
    assert a_principal("alice").accounts == ("alice",)
    assert a_principal("alice", accounts=()).accounts == ()


def test_a_route_takes_the_fields_of_its_terms():
    route = a_route(tariff="call", max_request_bytes=5)
    assert (route.terms.tariff, route.terms.max_request_bytes) == ("call", 5)


def test_an_access_asks_for_its_agent():
    access = an_access("alice", attributes={"team": "a"})
    assert (access.principal.id, access.principal.attributes["team"]) == ("alice", "a")


def test_a_charge_goes_up_its_account_path():
    charge = a_charge(usd("1"), "alice", "team")
    assert (charge.agent, charge.accounts) == ("alice", ("alice", "team"))


def test_each_charge_has_an_id_of_its_own():
    ids = {a_charge(usd("1"), "alice").id for _ in range(10)}
    assert len(ids) == 10
    assert {len(each) for each in ids} == {32}
