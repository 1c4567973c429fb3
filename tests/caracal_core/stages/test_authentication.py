"""Three answers of an authenticator, several credentials, and what is known of the proven agent."""

import asyncio

import msgspec
import pytest

from caracal_core.domain import Agent, CredentialName, Once, Principal
from caracal_core.errors import BadRequest, Failure, Unauthenticated
from caracal_core.stages.authentication import Authentication, Scheme
from caracal_core.stages.part import Part
from caracal_core.testing.fakes.behaviour import deny
from caracal_core.testing.fakes.parts import TrivialDirectory, TrivialRevocations
from caracal_core.testing.fakes.request import a_request
from caracal_core.testing.fakes.values import a_route

NOW = 1_800_000_000


AUTHORIZATION = frozenset({"authorization"})
API_KEY = frozenset({"authorization", "x-api-key"})


def scheme(name, agent=None, *, challenge=None, headers=AUTHORIZATION, bad=False, asked=None):
    async def authenticate(request):
        if asked is not None:
            asked.append(name)
        if bad:
            raise Unauthenticated("bad on purpose")
        return Principal(agent, name) if agent else None

    verb = Part(name, authenticate, (Principal, type(None)), 5)
    return Scheme(name, name.title() if challenge is None else challenge, headers, verb)


def authentication(*schemes, directory=None, revocations=None):
    find = (directory or TrivialDirectory()).find
    revocations = revocations or TrivialRevocations()
    return Authentication(
        schemes,
        Part("directory", find, (Agent, type(None)), 5),
        Part("revocations", revocations.revoked, (bool,), 5),
        revocations.known,
    )


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
    stage = authentication(Scheme("jwt", "Bearer", AUTHORIZATION, verb))
    principal = await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert principal == msgspec.structs.replace(proved, accounts=("anna",), schemes=("jwt",))


@pytest.mark.parametrize("once", [None, ["v"], ("v",)])
async def test_what_cannot_be_claimed_once_fails_its_scheme_before_anybody_else_is_asked(
    watched, once
):
    """No directory, no guard: a principal that makes no sense gets no further."""

    async def authenticate(request):
        return Principal("anna", "jwt", once=once)

    directory = TrivialDirectory()
    verb = Part("acme authenticator", authenticate, (Principal,), 5)
    stage = authentication(Scheme("jwt", "Bearer", AUTHORIZATION, verb), directory=directory)
    with pytest.raises(Failure, match=r"^acme authenticator: jwt: ") as failure:
        await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert failure.value.status == 503
    assert directory.journal == []


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
        scheme("mtls", "anna", challenge=challenge, headers=frozenset()),
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
            return Principal("anna", name, once=tuple(Once(v, NOW) for v in values))

        headers = AUTHORIZATION if challenge else frozenset()
        return Scheme(name, challenge, headers, Part(name, authenticate, (Principal,), 5))

    stage = authentication(saying("mtls", "", "c"), saying("jwt", "Bearer", "t"))
    principal = await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert principal.scheme == "mtls"
    assert [once.value for once in principal.once] == ["c", "t"]


async def test_a_certificate_and_a_header_that_prove_different_agents_are_401(watched):
    stage = authentication(scheme("mtls", "anna", headers=frozenset()), scheme("jwt", "ben"))
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


class _Asked:
    """Notes who is asked about whom, and answers as it is told to."""

    def __init__(self, agent, revoked=()):
        self.agent, self.of, self.asked = agent, revoked, []

    async def find(self, name):
        self.asked.append(name)
        return self.agent

    def known(self, principal):
        return None

    async def revoked(self, principal):
        self.asked.append((principal.scheme, principal.credential))
        return principal.scheme in self.of


ANNA = Agent("anna", enabled=True, accounts=("anna",))
CHAIN = (
    scheme("mtls", "anna", challenge="", headers=frozenset()),
    scheme("jwt", "anna"),
    scheme("api_key", headers=API_KEY),
)


@pytest.mark.parametrize(
    "known",
    [
        _Asked(None),
        _Asked(msgspec.structs.replace(ANNA, enabled=False)),
        _Asked(ANNA, {"mtls"}),
        _Asked(ANNA, {"jwt"}),
        _Asked(None, {"mtls", "jwt"}),
    ],
    ids=["unknown", "disabled", "first revoked", "second revoked", "everything"],
)
async def test_whatever_is_wrong_with_the_agent_the_answer_and_the_look_ups_are_the_same(
    watched, known
):
    """Neither a body nor a wait tells a thief what to try next."""
    stage = authentication(*CHAIN, directory=known, revocations=known)
    with pytest.raises(Unauthenticated) as refusal:
        await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert known.asked == ["anna", ("mtls", None), ("jwt", None)]
    assert (refusal.value.detail, refusal.value.members()) == (Unauthenticated.detail, {})
    assert refusal.value.challenges == ("Jwt", "Api_Key")


@pytest.mark.parametrize("revoked", [True, False])
async def test_what_is_known_of_a_revocation_is_not_asked_again(watched, revoked):
    class Knowing(_Asked):
        def known(self, principal):
            return revoked

    known = Knowing(ANNA)
    stage = authentication(scheme("jwt", "anna"), directory=known, revocations=known)
    (answer,) = await asyncio.gather(
        watched(lambda due: stage.authenticate(a_request(), a_route(), due)),
        return_exceptions=True,
    )
    assert isinstance(answer, Unauthenticated if revoked else Principal)
    assert known.asked == ["anna"]


async def test_all_that_proved_the_agent_is_told_in_the_operators_order(watched):
    stage = authentication(*CHAIN)
    principal = await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert (principal.scheme, principal.schemes) == ("mtls", ("mtls", "jwt"))


async def test_every_credential_of_a_chain_is_named_once_it_proved_the_agent(watched):
    """Also what each of them rests on."""
    proxy = CredentialName("mtls", "proxy")

    def proving(name, headers, **said):
        async def authenticate(request):
            return Principal("anna", name, credential=f"{name} 1", **said)

        return Scheme(name, "", headers, Part(name, authenticate, (Principal,), 5))

    stage = authentication(
        proving("mtls", frozenset(), via=(proxy,)), proving("jwt", AUTHORIZATION)
    )
    principal = await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert principal.credential == "mtls 1"
    assert principal.via == (proxy, CredentialName("jwt", "jwt 1"))


@pytest.mark.parametrize("bad", ["mtls", "jwt"])
async def test_a_bad_one_of_two_is_401_and_nobody_is_looked_up(watched, bad):
    """A good credential beside a bad one proves nothing."""
    known = _Asked(ANNA)
    stage = authentication(
        scheme("mtls", "anna", challenge="", headers=frozenset(), bad=bad == "mtls"),
        scheme("jwt", "anna", bad=bad == "jwt"),
        directory=known,
        revocations=known,
    )
    with pytest.raises(Unauthenticated):
        await watched(lambda due: stage.authenticate(a_request(), a_route(), due))
    assert known.asked == []


TWO = [("Authorization", "Bearer x"), ("X-API-Key", "y")]
TWICE = [("Authorization", "Bearer x"), ("Authorization", "Basic y")]


@pytest.mark.parametrize("headers", [TWO, TWICE])
@pytest.mark.parametrize("route", [a_route(), a_route(schemes=frozenset({"api_key"}))])
async def test_two_header_credentials_are_400_before_anybody_judges_one(watched, headers, route):
    """A bad first one hides nothing: a client that sends two has its answer from that alone."""
    asked = []
    stage = authentication(
        scheme("jwt", bad=True, asked=asked), scheme("api_key", bad=True, headers=API_KEY)
    )
    with pytest.raises(BadRequest, match="Two credentials"):
        await watched(lambda due: stage.authenticate(a_request(headers=headers), route, due))
    assert asked == []


async def test_a_header_credential_of_a_scheme_that_is_not_enabled_is_ignored(watched):
    stage = authentication(scheme("jwt", "anna"))
    request = a_request(headers=TWO)
    principal = await watched(lambda due: stage.authenticate(request, a_route(), due))
    assert principal.id == "anna"
