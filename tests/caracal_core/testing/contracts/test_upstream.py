"""The upstream's contract: the fake passes it, and each way to leak or lose is caught."""

import asyncio
import contextlib

import msgspec
import pytest

from caracal_core.domain import Headers, Reply
from caracal_core.errors import RequestTimeout, UpstreamUnreachable
from caracal_core.testing.contracts import UpstreamContract
from caracal_core.testing.contracts import upstream as contract
from caracal_core.testing.fakes import FakeBody, FakeUpstream, a_request
from caracal_core.testing.fakes import upstream as fake
from caracal_core.testing.fakes.script import stream


class TestFakeUpstream(UpstreamContract):
    """The kit's own fake keeps the contract, as both sides of itself."""

    @pytest.fixture
    def far_side(self):
        return FakeUpstream()

    @pytest.fixture
    def upstream(self, far_side):
        return far_side


class _Altered(FakeUpstream):
    """An upstream that is faulty in what it sends, or in what it gives back."""

    def request(self, request):
        return request

    def route(self, route):
        return route

    def reply(self, reply):
        return reply

    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        sending = super().send(self.request(request), self.route(route), on_sent)
        async with sending as reply:
            yield self.reply(reply)


class _Normalising(_Altered):
    def route(self, route):
        return msgspec.structs.replace(route, target=route.target.replace("%20", " "))


class _Reading(_Altered):
    """Turns every method into GET."""

    def request(self, request):
        return msgspec.structs.replace(request, method="GET")


class _Bodiless(_Altered):
    def request(self, request):
        return msgspec.structs.replace(request, body=FakeBody())


class _Gathering(_Altered):
    """Gathers the whole body before it dials."""

    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        body = FakeBody([data async for data in request.body])
        request = msgspec.structs.replace(request, body=body)
        async with FakeUpstream.send(self, request, route, on_sent) as reply:
            yield reply


class _Joining(_Altered):
    def reply(self, reply):
        joined = ", ".join(reply.headers.all("set-cookie"))
        headers = reply.headers.without(frozenset({"set-cookie"}))
        return msgspec.structs.replace(reply, headers=headers.plus(("set-cookie", joined)))


class _Unpacking(_Altered):
    def reply(self, reply):
        headers = reply.headers.without(frozenset({"content-encoding"}))
        return msgspec.structs.replace(reply, headers=headers)


class _Framing(_Altered):
    def reply(self, reply):
        headers = reply.headers.plus(("transfer-encoding", "chunked"))
        return msgspec.structs.replace(reply, headers=headers)


class _Miscounting(_Altered):
    def reply(self, reply):
        return msgspec.structs.replace(reply, length=reply.length or 0)


class _Following(_Altered):
    """Follows redirects."""

    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        async with FakeUpstream.send(self, request, route, on_sent) as reply:
            if reply.status != 302:
                yield reply
                return
        async with FakeUpstream.send(self, request, route, lambda: None) as reply:
            yield reply


class _Buffering(_Altered):
    """Reads the whole reply before it gives it on."""

    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        async with FakeUpstream.send(self, request, route, on_sent) as reply:
            chunks = [data async for data in reply.body]
            yield msgspec.structs.replace(reply, body=stream(chunks))


class _Mending(_Altered):
    """Passes half a reply for a whole one."""

    def reply(self, reply):
        async def body():
            with contextlib.suppress(UpstreamUnreachable):
                async for data in reply.body:
                    yield data

        return msgspec.structs.replace(reply, body=body())


class _Resending(_Altered):
    """Tries again where the first try broke."""

    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        try:
            async with FakeUpstream.send(self, request, route, on_sent) as reply:
                yield reply
        except UpstreamUnreachable:
            async with FakeUpstream.send(self, request, route, on_sent) as reply:
                yield reply


class _Blaming(_Altered):
    """Takes the client's trouble for the upstream's."""

    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        try:
            async with FakeUpstream.send(self, request, route, on_sent) as reply:
                yield reply
        except RequestTimeout as error:
            raise UpstreamUnreachable("test", "broken") from error


class _Untold(_Altered):
    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        async with FakeUpstream.send(self, request, route, lambda: None) as reply:
            on_sent()
            yield reply


class _Hasty(_Altered):
    """Says that it sent before it dialled."""

    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        on_sent()
        async with FakeUpstream.send(self, request, route, lambda: None) as reply:
            yield reply


class _Staying(_Altered):
    """Lets the far side work on for nobody."""

    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        sending = FakeUpstream.send(self, request, route, on_sent)
        yield await sending.__aenter__()


class _Raising(_Altered):
    """Lets its own errors out."""

    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        try:
            async with FakeUpstream.send(self, request, route, on_sent) as reply:
                yield reply
        except UpstreamUnreachable as error:
            raise OSError(error.internal) from error


class _Shared(_Altered):
    """Keeps the request at hand in itself."""

    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        self.kept = request, route
        await asyncio.sleep(0)
        async with FakeUpstream.send(self, *self.kept, on_sent) as reply:
            yield reply


class _Grudging(_Altered):
    """Never recovers from a failure."""

    broken = False

    @contextlib.asynccontextmanager
    async def send(self, request, route, on_sent):
        if self.broken:
            yield Reply(200, Headers(), stream([b"stale"]), 5)
            return
        try:
            async with FakeUpstream.send(self, request, route, on_sent) as reply:
                yield reply
        except UpstreamUnreachable:
            self.broken = True
            raise


@pytest.fixture
def impatient(monkeypatch):
    """A hanging upstream is found out at once."""
    monkeypatch.setattr(contract, "PATIENCE_SECONDS", 0.2)


@pytest.mark.parametrize(
    ("upstream", "test"),
    [
        (_Miscounting, "test_a_reply_of_unknown_length_says_so"),
        (_Normalising, "test_the_target_goes_out_byte_for_byte"),
        (_Reading, "test_the_method_goes_out_as_sent"),
        (_Bodiless, "test_the_body_goes_out_whole"),
        (_Gathering, "test_the_body_goes_out_as_it_comes"),
        (_Framing, "test_the_replys_hop_by_hop_fields_stay_behind"),
        (_Joining, "test_repeated_fields_stay_apart"),
        (_Following, "test_a_redirect_is_passed_on"),
        (_Unpacking, "test_a_compressed_body_is_passed_on"),
        (_Buffering, "test_the_reply_comes_as_it_is_made"),
        (_Untold, "test_sending_is_told_once_and_in_time"),
        (_Hasty, "test_a_failed_dial_is_not_a_sending"),
        (_Raising, "test_no_reply_is_unreachable"),
        (_Resending, "test_nothing_is_sent_twice"),
        (_Mending, "test_a_cut_body_breaks"),
        (_Blaming, "test_the_clients_own_trouble_is_the_clients"),
        (_Staying, "test_leaving_early_ends_the_work"),
        (_Staying, "test_leaving_by_an_error_ends_the_work"),
        (_Staying, "test_a_cancelled_call_ends_the_work"),
        (_Shared, "test_simultaneous_calls_get_their_own_replies"),
        (_Grudging, "test_trouble_does_not_last"),
    ],
)
async def test_a_faulty_upstream_is_caught(fails, impatient, upstream, test):
    def make():
        one = upstream()
        return {"upstream": one, "far_side": one}

    assert await fails(UpstreamContract, test, make)


@pytest.mark.parametrize(
    ("headers", "test"),
    [
        (contract.SECRETS, "test_the_agents_credential_stays_behind"),
        (contract.CLIENTS_OWN, "test_what_only_the_gateway_may_say_stays_behind"),
        (contract.HOP_BY_HOP, "test_hop_by_hop_fields_stay_behind"),
    ],
)
async def test_every_single_leaking_header_is_caught(fails, monkeypatch, headers, test):
    """Each name is let through alone, so that none is only caught beside another."""

    def make():
        one = FakeUpstream()
        return {"upstream": one, "far_side": one}

    for name in headers.keys() - {"connection"}:
        monkeypatch.setattr(fake, "FORWARDED", frozenset({name}))
        assert await fails(UpstreamContract, test, make), name


async def test_a_kept_cookie_is_caught(fails, monkeypatch):
    class Cookies(_Altered):
        jar = ()

        def request(self, request):
            return msgspec.structs.replace(request, headers=Headers(self.jar))

        def reply(self, reply):
            self.jar = [("cookie", value) for value in reply.headers.all("set-cookie")]
            return reply

    def make():
        one = Cookies()
        return {"upstream": one, "far_side": one}

    monkeypatch.setattr(fake, "FORWARDED", frozenset({"cookie"}))
    assert await fails(UpstreamContract, "test_cookies_are_not_kept", make)


async def test_lost_descriptions_are_caught(fails, monkeypatch):
    def make():
        one = FakeUpstream()
        return {"upstream": one, "far_side": one}

    monkeypatch.setattr(fake, "FORWARDED", frozenset())
    assert await fails(UpstreamContract, "test_what_describes_the_body_goes_with_it", make)


async def test_the_fake_refuses_after_it_left():
    upstream = FakeUpstream()
    await upstream.leave()
    with pytest.raises(UpstreamUnreachable):
        async with upstream.send(a_request(), None, lambda: None):
            """Nothing answers."""
