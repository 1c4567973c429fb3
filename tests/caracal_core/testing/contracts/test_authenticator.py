"""The authenticator's contract: an honest one passes it, and each way to err is caught."""

import asyncio

import msgspec
import pytest

from caracal_core.domain import Connection, CredentialForm, Principal
from caracal_core.errors import Unauthenticated
from caracal_core.testing.contracts import AuthenticatorContract
from caracal_core.testing.fakes import a_request

TOKENS = {"good-token-1": "alice"}


def _shown(request):
    scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
    return token if scheme == "Test" else None


class _Honest:
    """Knows one token."""

    scheme = "test"
    challenge = "Test"
    headers = frozenset({"authorization"})

    async def authenticate(self, request):
        token = _shown(request)
        if token is None:
            return None
        if token not in TOKENS:
            raise Unauthenticated("unknown token")
        return self.principal(request, token)

    def principal(self, request, token):
        return Principal(TOKENS[token], self.scheme, {"issuer": "test"})


GOOD = {"authorization": "Test good-token-1"}
BAD = ({"authorization": "Test bad-token-22"}, {"authorization": "Test "})


class TestHonestAuthenticator(AuthenticatorContract):
    """The contract can be kept."""

    @pytest.fixture
    def authenticator(self):
        return _Honest()

    @pytest.fixture
    def good_request(self):
        return a_request(headers=GOOD)

    @pytest.fixture
    def agent(self):
        return "alice"

    @pytest.fixture
    def bad_requests(self):
        return [a_request(headers=headers) for headers in BAD]


class _ByConnection:
    """Knows one certificate."""

    scheme = "test"
    challenge = ""
    headers: frozenset[str] = frozenset()

    async def authenticate(self, request):
        shown = request.connection.certificate
        if shown is None:
            return None
        if shown != b"good":
            raise Unauthenticated("unknown certificate")
        return Principal("alice", self.scheme)


def _certified(certificate):
    connection = Connection("192.0.2.1", tls=True, certificate=certificate)
    return msgspec.structs.replace(a_request(), connection=connection)


class TestByConnection(AuthenticatorContract):
    """The contract can be kept without any header."""

    @pytest.fixture
    def authenticator(self):
        return _ByConnection()

    @pytest.fixture
    def good_request(self):
        return _certified(b"good")

    @pytest.fixture
    def agent(self):
        return "alice"

    @pytest.fixture
    def bad_requests(self):
        return [_certified(b"bad")]


class _Lenient(_Honest):
    """Takes a bad credential for somebody else's."""

    async def authenticate(self, request):
        try:
            return await super().authenticate(request)
        except Unauthenticated:
            return None


class _Jealous(_Honest):
    """Refuses what is not its own."""

    async def authenticate(self, request):
        principal = await super().authenticate(request)
        if principal is None:
            raise Unauthenticated("nothing of mine")
        return principal


class _Gossip(_Honest):
    """Says which token was bad."""

    async def authenticate(self, request):
        try:
            return await super().authenticate(request)
        except Unauthenticated:
            raise Unauthenticated(f"unknown token {_shown(request)}") from None


class _Chatty(_Honest):
    """Words its refusals by their reason."""

    async def authenticate(self, request):
        try:
            return await super().authenticate(request)
        except Unauthenticated as refusal:
            refusal.detail = "This token was revoked."
            raise


class _Trusting(_Honest):
    """Believes what a header says."""

    async def authenticate(self, request):
        named = request.headers.get("x-caracal-principal")
        return Principal(named, "test") if named else await super().authenticate(request)


class _Remembering(_Honest):
    """Takes whoever came last for whoever comes now."""

    last = None

    async def authenticate(self, request):
        if _shown(request) is None and self.last is not None:
            return self.last
        self.last = await super().authenticate(request)
        return self.last


class _LockingOut(_Honest):
    """Refuses everybody after a bad credential."""

    bad = False

    async def authenticate(self, request):
        if self.bad:
            raise Unauthenticated("locked out")
        try:
            return await super().authenticate(request)
        except Unauthenticated:
            self.bad = True
            raise


class _Shared(_Honest):
    """Keeps the request at hand in itself."""

    async def authenticate(self, request):
        self.request = request
        await asyncio.sleep(0)
        return await super().authenticate(self.request)


class _Paying(_Honest):
    def principal(self, request, token):
        return Principal(TOKENS[token], self.scheme, {}, ("treasury",))


class _Numeric(_Honest):
    def principal(self, request, token):
        return Principal(TOKENS[token], self.scheme, {"level": 7})


class _Keeping(_Honest):
    def principal(self, request, token):
        return Principal(TOKENS[token], self.scheme, {"token": token})


class _Misnamed(_Honest):
    def principal(self, request, token):
        return Principal("al ice", self.scheme)


class _Mislabelled(_Honest):
    def principal(self, request, token):
        return Principal(TOKENS[token], "jwt")


class _Irrevocable(_Honest):
    def principal(self, request, token):
        return Principal(TOKENS[token], self.scheme, credential="x" * 257)


class _Hungry(_Honest):
    """Reads the body away."""

    async def authenticate(self, request):
        async for _ in request.body:
            pass
        return await super().authenticate(request)


class _Loud(_Honest):
    scheme = "Test-Scheme"
    challenge = "Test\r\nset-cookie: a=b"
    headers = frozenset({"Authorization"})


class _Listing(_Honest):
    headers = ("authorization",)


class _Framing(_Honest):
    headers = frozenset({"authorization", "host"})


class _Elsewhere(_Honest):
    """Declares another field than the one it reads."""

    headers = frozenset({"x-test-token"})


class _Silent(_Honest):
    """Says that it proves by the connection, and reads a field."""

    headers = frozenset()


class _OtherKinds(_Honest):
    """Takes another kind than the one it says."""

    kinds = frozenset({"authorization_basic"})


class _NoKinds(_Honest):
    kinds = frozenset({"token"})


class _OtherForm(_Honest):
    """Names its credentials otherwise than it says."""

    credential_form = CredentialForm("[0-9]+", "a number")

    def principal(self, request, token):
        return Principal(TOKENS[token], self.scheme, credential="serial-1")


class _Delicate(_Honest):
    """Is never the same after a cancellation."""

    hurt = False

    async def authenticate(self, request):
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.hurt = True
            raise
        return None if self.hurt else await super().authenticate(request)


@pytest.mark.parametrize(
    ("authenticator", "test"),
    [
        (_Loud, "test_its_scheme_is_a_word_for_auth_mode"),
        (_Loud, "test_its_challenge_is_a_header_value"),
        (_Loud, "test_its_headers_are_field_names"),
        (_Listing, "test_its_headers_are_field_names"),
        (_Framing, "test_its_headers_are_field_names"),
        (_Elsewhere, "test_it_finds_its_credential_only_where_it_says"),
        (_Silent, "test_it_finds_its_credential_only_where_it_says"),
        (_Mislabelled, "test_a_good_credential_proves_its_agent"),
        (_Misnamed, "test_the_proven_name_may_name_an_agent"),
        (_Paying, "test_it_leaves_the_accounts_to_the_directory"),
        (_Irrevocable, "test_its_proof_can_be_revoked_and_claimed"),
        (_Numeric, "test_attributes_are_text"),
        (_Keeping, "test_attributes_hold_no_credential"),
        (_Jealous, "test_no_credential_is_not_its_business"),
        (_Jealous, "test_a_foreign_credential_is_not_its_business"),
        (_Trusting, "test_an_identity_header_proves_nothing"),
        (_Trusting, "test_an_identity_header_does_not_change_who_is_proved"),
        (_Lenient, "test_a_bad_credential_is_refused"),
        (_Chatty, "test_every_bad_credential_gets_the_same_answer"),
        (_Gossip, "test_a_refusal_holds_no_credential"),
        (_LockingOut, "test_the_same_credential_gets_the_same_answer"),
        (_Remembering, "test_a_good_credential_lends_nothing_to_the_next"),
        (_Shared, "test_simultaneous_requests_get_their_own_answers"),
        (_Hungry, "test_it_leaves_the_body_to_the_upstream"),
        (_OtherKinds, "test_its_good_credential_is_of_a_kind_that_it_takes"),
        (_NoKinds, "test_its_good_credential_is_of_a_kind_that_it_takes"),
        (_OtherForm, "test_its_credential_has_a_name_of_its_form"),
        (_Delicate, "test_it_survives_being_cancelled"),
    ],
)
async def test_a_faulty_authenticator_is_caught(fails, authenticator, test):
    def make():
        return {
            "authenticator": authenticator(),
            "good_request": a_request(headers=GOOD),
            "agent": "alice",
            "bad_requests": [a_request(headers=headers) for headers in BAD],
            "foreign_request": a_request(headers={"authorization": "Foreign c29tZXRoaW5n"}),
        }

    assert await fails(AuthenticatorContract, test, make)
