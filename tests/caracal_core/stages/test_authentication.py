"""Three answers of an authenticator, several credentials, and the agent directory's word."""

import msgspec
import pytest

from caracal_core.domain import Agent, Once, Principal
from caracal_core.errors import BadRequest, Unauthenticated
from caracal_core.stages.authentication import Authentication, Scheme
from caracal_core.stages.part import Part
from caracal_core.testing.fakes.behaviour import deny
from caracal_core.testing.fakes.parts import TrivialDirectory
from caracal_core.testing.fakes.request import a_request
from caracal_core.testing.fakes.values import a_route

NOW = 1_800_000_000


def scheme(name, agent=None, *, challenge=None, by_header=True, bad=False, asked=None):
    async def authenticate(request):
        if asked is not None:
            asked.append(name)
        if bad:
            raise Unauthenticated("bad on purpose")
        return Principal(agent, name) if agent else None

    verb = Part(name, authenticate, (Principal, type(None)), 5)
    return Scheme(name, name.title() if challenge is None else challenge, by_header, verb)


def authentication(*schemes, directory=None):
    find = (directory or TrivialDirectory()).find
    return Authentication(schemes, Part("directory", find, (Agent, type(None)), 5))


async def test_the_proven_agent_gets_its_account_path(watched):
    stage = authentication(scheme("jwt", "anna"))
    principal = await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert (principal.id, principal.scheme, principal.accounts) == ("anna", "jwt", ("anna",))


async def test_what_the_credential_proved_stays_with_the_principal(watched):
    proved = Principal(
        "anna", "jwt", {"scopes": "read"}, credential="idp 17", issued_at=1_800_000_000.0
    )

    async def authenticate(request):
        return proved

    verb = Part("jwt", authenticate, (Principal,), 5)
    stage = authentication(Scheme("jwt", "Bearer", True, verb))
    principal = await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert principal == msgspec.structs.replace(proved, accounts=("anna",))


async def test_nobody_proved_is_401_with_every_accepted_challenge(watched):
    stage = authentication(scheme("jwt"), scheme("mtls", challenge=""), scheme("api_key"))
    with pytest.raises(Unauthenticated) as refusal:
        await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert refusal.value.challenges == ("Jwt", "Api_Key")


async def test_a_bad_credential_stops_the_asking(watched):
    asked = []
    stage = authentication(scheme("jwt", bad=True), scheme("api_key", "anna", asked=asked))
    with pytest.raises(Unauthenticated) as refusal:
        await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert asked == []
    assert refusal.value.challenges == ("Jwt", "Api_Key")


async def test_only_the_routes_schemes_are_asked(watched):
    asked = []
    stage = authentication(scheme("jwt", "anna", asked=asked), scheme("api_key", "ben"))
    route = a_route(schemes=frozenset({"api_key"}))
    principal = await watched(lambda due: stage.authenticate(a_request(), route, due))
    assert (principal.id, asked) == ("ben", [])


@pytest.mark.parametrize("challenge", ["", "Key"])
async def test_two_header_credentials_are_400(watched, challenge):
    """Whatever their challenges, and also where they prove the same agent."""
    stage = authentication(scheme("jwt", "anna"), scheme("api_key", "anna", challenge=challenge))
    with pytest.raises(BadRequest):
        await watched(lambda due: stage.authenticate(a_request(), a_route(), due))


@pytest.mark.parametrize("challenge", ["", "Certificate"])
@pytest.mark.parametrize("first", ["mtls", "jwt"])
async def test_a_certificate_may_stand_beside_a_header_that_proves_the_same_agent(
    watched, challenge, first
):
    schemes = [
        scheme("mtls", "anna", challenge=challenge, by_header=False),
        scheme("jwt", "anna"),
    ]
    schemes.sort(key=lambda each: each.name != first)
    stage = authentication(*schemes)
    principal = await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert (principal.id, principal.scheme) == ("anna", first)


async def test_what_either_credential_may_say_once_stays_with_the_principal(watched):
    """A token for single use is that beside a certificate, too."""

    def saying(name, challenge, *values):
        async def authenticate(request):
            return Principal("anna", name, once=tuple(Once(v, NOW, NOW) for v in values))

        return Scheme(name, challenge, bool(challenge), Part(name, authenticate, (Principal,), 5))

    stage = authentication(saying("mtls", "", "c"), saying("jwt", "Bearer", "t"))
    principal = await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert principal.scheme == "mtls"
    assert [once.value for once in principal.once] == ["c", "t"]


async def test_a_certificate_and_a_header_that_prove_different_agents_are_401(watched):
    stage = authentication(scheme("mtls", "anna", by_header=False), scheme("jwt", "ben"))
    with pytest.raises(Unauthenticated):
        await watched(lambda due: stage.authenticate(a_request(), a_route(), due))


class _Disabled:
    async def find(self, name):
        return Agent(name, enabled=False, accounts=(name,))


@pytest.mark.parametrize("directory", [TrivialDirectory(deny), _Disabled()])
async def test_unknown_and_disabled_agents_get_the_same_401(watched, directory):
    stage = authentication(scheme("jwt", "anna"), directory=directory)
    with pytest.raises(Unauthenticated) as refusal:
        await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert refusal.value.detail == Unauthenticated.detail
    assert refusal.value.challenges == ("Jwt",)
