# ruff: noqa: S101 - a contract is a set of tests
"""What every authenticator owes: three answers, no memory, no leaks."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence

import msgspec
import pytest

from caracal_core.domain import Headers, Principal, Request
from caracal_core.domain.credential_kinds import is_kind, own_of, shown, taken_by
from caracal_core.domain.field_names import TOKEN, canonical, is_gateways_own
from caracal_core.errors import Failure, Unauthenticated
from caracal_core.ports import Authenticator, NamesCredentials, TakesKinds
from caracal_core.stages.proof import check_proof
from caracal_core.testing.fakes import a_request

AGENT = re.compile(r"[A-Za-z0-9._:/@|+=-]{1,128}", re.ASCII)
SCHEME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
CHALLENGE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+( [\x20-\x7e]+)?", re.ASCII)
SHORTEST_SECRET = 8


class AuthenticatorContract:
    """Give ``authenticator``, ``good_request``, ``agent`` and ``bad_requests``.

    ``foreign_request`` has a default: a request with a credential of a scheme nobody knows.
    """

    @pytest.fixture
    def authenticator(self) -> Authenticator:
        """Give the part under test."""
        raise NotImplementedError("give the fixture 'authenticator': the part under test")

    @pytest.fixture
    def good_request(self) -> Request:
        """Give a request with a credential that the authenticator must accept."""
        raise NotImplementedError("give the fixture 'good_request': its credential is good")

    @pytest.fixture
    def agent(self) -> str:
        """Give the name of the agent that the good request proves."""
        raise NotImplementedError("give the fixture 'agent': whom 'good_request' proves")

    @pytest.fixture
    def bad_requests(self) -> Sequence[Request]:
        """Give requests whose credential is of this scheme and bad, each for its own reason."""
        raise NotImplementedError("give the fixture 'bad_requests': this scheme's bad credentials")

    @pytest.fixture
    def foreign_request(self) -> Request:
        """Give a request with a credential of another scheme."""
        return a_request(headers={"authorization": "Foreign c29tZXRoaW5nIGVsc2U="})

    async def test_it_has_the_shape_of_an_authenticator(self, authenticator: Authenticator) -> None:
        """The house can find its verb and its words."""
        assert isinstance(authenticator, Authenticator)

    async def test_its_scheme_is_a_word_for_auth_mode(self, authenticator: Authenticator) -> None:
        """Operators write it in AUTH_MODE."""
        assert SCHEME.fullmatch(authenticator.scheme)

    async def test_its_challenge_is_a_header_value(self, authenticator: Authenticator) -> None:
        """A 401 carries it as it is (RFC 9110 section 11.3), or not at all."""
        challenge = authenticator.challenge
        assert challenge == "" or CHALLENGE.fullmatch(challenge)

    async def test_its_headers_are_field_names(self, authenticator: Authenticator) -> None:
        """The gateway holds these fields back from every upstream; its own are no credential."""
        declared = authenticator.headers
        assert isinstance(declared, frozenset)
        for name in declared:
            assert TOKEN.fullmatch(name)
            assert name == name.lower()
            assert not is_gateways_own(name)

    async def test_it_finds_its_credential_only_where_it_says(
        self, authenticator: Authenticator, good_request: Request, agent: str
    ) -> None:
        """A field that it does not declare would go on to the upstream, credential and all."""
        headers = good_request.headers.without(frozenset(map(canonical, authenticator.headers)))
        bare = msgspec.structs.replace(good_request, headers=headers)
        if authenticator.headers:
            assert await _outcome(authenticator, bare) is None
        else:
            bare = msgspec.structs.replace(good_request, headers=Headers())
            assert await _outcome(authenticator, bare) == agent

    async def test_its_good_credential_is_of_a_kind_that_it_takes(
        self, authenticator: Authenticator, good_request: Request
    ) -> None:
        """`caracal auth plan` goes by them; ``kinds`` says what the headers alone do not."""
        declared = authenticator.headers
        kinds = authenticator.kinds if isinstance(authenticator, TakesKinds) else taken_by(declared)
        assert all(map(is_kind, kinds))
        assert not kinds or kinds & set(shown(good_request, own_of(declared)))

    async def test_a_good_credential_proves_its_agent(
        self, authenticator: Authenticator, good_request: Request, agent: str
    ) -> None:
        """The answer 'yes' is a principal of that name, proved by this scheme."""
        principal = await authenticator.authenticate(good_request)
        assert isinstance(principal, Principal)
        assert principal.id == agent
        assert principal.scheme == authenticator.scheme

    async def test_the_proven_name_may_name_an_agent(
        self, authenticator: Authenticator, good_request: Request
    ) -> None:
        """Names are 1-128 characters of a fixed set; the agent directory knows no others."""
        principal = await authenticator.authenticate(good_request)
        assert principal is not None
        assert AGENT.fullmatch(principal.id)

    async def test_it_leaves_the_accounts_to_the_directory(
        self, authenticator: Authenticator, good_request: Request
    ) -> None:
        """A credential never says who pays."""
        principal = await authenticator.authenticate(good_request)
        assert principal is not None
        assert principal.accounts == ()

    async def test_its_proof_can_be_revoked_and_claimed(
        self, authenticator: Authenticator, good_request: Request
    ) -> None:
        """The names of what it rests on, and what it says once, are what the house can go by."""
        principal = await authenticator.authenticate(good_request)
        assert principal is not None
        try:
            check_proof("the authenticator", authenticator.scheme, principal)
        except Failure as failure:
            pytest.fail(failure.internal)

    async def test_attributes_are_text(
        self, authenticator: Authenticator, good_request: Request
    ) -> None:
        """Policies compare them."""
        principal = await authenticator.authenticate(good_request)
        assert principal is not None
        assert all(type(part) is str for item in principal.attributes.items() for part in item)

    async def test_attributes_hold_no_credential(
        self, authenticator: Authenticator, good_request: Request
    ) -> None:
        """Attributes are logged and shown to policies."""
        principal = await authenticator.authenticate(good_request)
        assert principal is not None
        shown = " ".join(principal.attributes.values())
        assert not [secret for secret in _secrets(authenticator, good_request) if secret in shown]

    async def test_its_credential_has_a_name_of_its_form(
        self, authenticator: Authenticator, good_request: Request
    ) -> None:
        """`caracal revocations add` takes no name of another form."""
        principal = await authenticator.authenticate(good_request)
        assert principal is not None
        if principal.credential is not None and isinstance(authenticator, NamesCredentials):
            assert authenticator.credential_form.fits(principal.credential)

    async def test_no_credential_is_not_its_business(self, authenticator: Authenticator) -> None:
        """The answer 'not mine' lets the next authenticator be asked."""
        assert await authenticator.authenticate(a_request()) is None

    async def test_a_foreign_credential_is_not_its_business(
        self, authenticator: Authenticator, foreign_request: Request
    ) -> None:
        """Another scheme's credential is another authenticator's to judge."""
        assert await authenticator.authenticate(foreign_request) is None

    async def test_an_identity_header_proves_nothing(self, authenticator: Authenticator) -> None:
        """Anybody can write a header; only a credential proves an agent."""
        names = ("x-caracal-principal", "x-caracal-agent", "x-forwarded-user", "x-agent-id")
        request = a_request(headers=[(name, "root") for name in names])
        assert await authenticator.authenticate(request) is None

    async def test_an_identity_header_does_not_change_who_is_proved(
        self, authenticator: Authenticator, good_request: Request, agent: str
    ) -> None:
        """A good credential speaks for its own agent and for nobody else."""
        headers = good_request.headers.plus(
            ("x-caracal-principal", "root"), ("x-caracal-agent", "root")
        )
        request = msgspec.structs.replace(good_request, headers=headers)
        principal = await authenticator.authenticate(request)
        assert principal is not None
        assert principal.id == agent

    async def test_a_bad_credential_is_refused(
        self, authenticator: Authenticator, bad_requests: Sequence[Request]
    ) -> None:
        """The answer 'mine and bad' stops the search."""
        assert bad_requests, "give at least one bad request"
        for request in bad_requests:
            await _refusal(authenticator, request)

    async def test_every_bad_credential_gets_the_same_answer(
        self, authenticator: Authenticator, bad_requests: Sequence[Request]
    ) -> None:
        """Whoever guesses learns nothing from the wording."""
        for request in bad_requests:
            refusal = await _refusal(authenticator, request)
            plain = Unauthenticated()
            assert (refusal.status, refusal.code) == (plain.status, plain.code)
            assert (refusal.detail, refusal.members()) == (plain.detail, plain.members())

    async def test_a_refusal_holds_no_credential(
        self, authenticator: Authenticator, bad_requests: Sequence[Request]
    ) -> None:
        """Its reason goes to the operator's log."""
        for request in bad_requests:
            refusal = await _refusal(authenticator, request)
            shown = f"{refusal} {refusal!r} {refusal.internal}"
            assert not [secret for secret in _secrets(authenticator, request) if secret in shown]

    async def test_the_same_credential_gets_the_same_answer(
        self, authenticator: Authenticator, good_request: Request, bad_requests: Sequence[Request]
    ) -> None:
        """It keeps no state that a request could change; caches do not show."""
        first = await authenticator.authenticate(good_request)
        assert await authenticator.authenticate(good_request) == first
        for request in (*bad_requests, *bad_requests):
            await _refusal(authenticator, request)
        assert await authenticator.authenticate(good_request) == first

    async def test_a_good_credential_lends_nothing_to_the_next(
        self, authenticator: Authenticator, good_request: Request, bad_requests: Sequence[Request]
    ) -> None:
        """Authentication belongs to the request, not to what came before it."""
        for request in bad_requests:
            assert await authenticator.authenticate(good_request) is not None
            await _refusal(authenticator, request)
            assert await authenticator.authenticate(a_request()) is None

    async def test_simultaneous_requests_get_their_own_answers(
        self,
        authenticator: Authenticator,
        good_request: Request,
        bad_requests: Sequence[Request],
        agent: str,
    ) -> None:
        """One part serves all requests at once."""
        requests = [good_request, *bad_requests, a_request()] * 8
        answers = await asyncio.gather(
            *map(authenticator.authenticate, requests), return_exceptions=True
        )
        for request, answer in zip(requests, answers, strict=True):
            if request is good_request:
                assert isinstance(answer, Principal)
                assert answer.id == agent
            elif request in bad_requests:
                assert isinstance(answer, Unauthenticated)
            else:
                assert answer is None

    async def test_it_changes_nothing_about_the_request(
        self, authenticator: Authenticator, good_request: Request
    ) -> None:
        """Later stages see what the client sent."""
        before = msgspec.structs.astuple(good_request)
        await authenticator.authenticate(good_request)
        assert msgspec.structs.astuple(good_request) == before

    async def test_it_leaves_the_body_to_the_upstream(
        self, authenticator: Authenticator, good_request: Request
    ) -> None:
        """It may peek, and may refuse a body it did not expect; the body still streams whole."""
        body = a_request("POST", body=b"what the upstream gets").body
        with contextlib.suppress(Unauthenticated):
            await authenticator.authenticate(msgspec.structs.replace(good_request, body=body))
        assert b"".join([data async for data in body]) == b"what the upstream gets"

    async def test_it_survives_being_cancelled(
        self, authenticator: Authenticator, good_request: Request, agent: str
    ) -> None:
        """A client that hangs up does not spoil the next one's request."""
        asking = asyncio.ensure_future(authenticator.authenticate(good_request))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        principal = await authenticator.authenticate(good_request)
        assert principal is not None
        assert principal.id == agent


async def _refusal(authenticator: Authenticator, request: Request) -> Unauthenticated:
    """Return the refusal that the request must get."""
    with pytest.raises(Unauthenticated) as caught:
        await authenticator.authenticate(request)
    return caught.value


async def _outcome(authenticator: Authenticator, request: Request) -> str | None:
    """Return whom the request proves; nobody, where it is refused as well."""
    try:
        principal = await authenticator.authenticate(request)
    except Unauthenticated:
        return None
    return principal.id if principal else None


def _secrets(authenticator: Authenticator, request: Request) -> list[str]:
    """Return the credentials that the request shows in its headers."""
    names = authenticator.headers | {"authorization", "x-api-key"}
    shown = [value for name in names for value in request.headers.all(name)]
    return [word for value in shown for word in value.split() if len(word) >= SHORTEST_SECRET]
