"""Only somebody local, or the bearer of the token, looks behind the walls."""

import pytest

from caracal_core.edge.admission import TOKEN_BYTES, OperatorCheck, is_local, read_token
from caracal_core.errors import Denied, Misconfigured, Unauthenticated
from caracal_core.testing.fakes.request import a_request

AWAY = "10.0.0.7"


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text("the-operations-token\n")
    return path


def away(*headers):
    return a_request(peer=AWAY, headers=[("host", "gateway:9090"), *headers])


def bearing(token, scheme="Bearer"):
    return away(("authorization", f"{scheme} {token}"))


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost", "localhost:9090", "127.0.0.1:9090", "[::1]:9090"])
def test_a_caller_on_this_machine_who_means_it_is_local(peer, host):
    OperatorCheck(None).admit(a_request(peer=peer, headers={"host": host}))


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        (AWAY, {"host": "localhost"}),
        ("", {"host": "localhost"}),
        ("127.0.0.1", {}),
        ("127.0.0.1", {"host": "gateway.example"}),
        ("127.0.0.1", {"host": "localhost.evil.example:9090"}),
        ("127.0.0.1", {"host": "127.0.0.1.evil.example"}),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": AWAY}),
        ("127.0.0.1", {"host": "localhost", "forwarded": "for=10.0.0.7"}),
        ("127.0.0.1", {"host": "localhost", "via": "1.1 proxy"}),
        ("127.0.0.1", {"host": "localhost", "x-real-ip": AWAY}),
    ],
)
def test_a_proxy_and_a_rebound_name_are_not_local(peer, headers):
    request = a_request(peer=peer, headers=headers)
    assert not is_local(request)
    with pytest.raises(Denied):
        OperatorCheck(None).admit(request)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_bearer_of_the_token_passes(token_file, scheme):
    OperatorCheck(token_file).admit(bearing("the-operations-token", scheme))


@pytest.mark.parametrize(
    "request_",
    [
        away(),
        bearing(""),
        bearing("the-operations-toke"),
        bearing("the-operations-tokens"),
        bearing("the-operations-token x"),
        bearing("the-operations-token", "Basic"),
        away(("authorization", "the-operations-token")),
        away(("x-api-key", "the-operations-token")),
        bearing("\xff\xfe"),
    ],
)
def test_anybody_else_is_asked_for_it(token_file, request_):
    with pytest.raises(Unauthenticated) as caught:
        OperatorCheck(token_file).admit(request_)
    assert ("www-authenticate", 'Bearer realm="caracal operations"') in caught.value.headers()


def test_a_rotated_token_counts_at_once_and_the_old_one_no_more(token_file):
    check = OperatorCheck(token_file)
    check.admit(bearing("the-operations-token"))
    token_file.write_text("another-token")
    check.admit(bearing("another-token"))
    with pytest.raises(Unauthenticated):
        check.admit(bearing("the-operations-token"))


@pytest.mark.parametrize("content", [None, b"", b" \n", b"x" * (TOKEN_BYTES + 1)])
def test_a_file_without_a_token_opens_nothing(tmp_path, content):
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    for shown in (away(), bearing(""), bearing((content or b"").decode())):
        with pytest.raises(Unauthenticated):
            OperatorCheck(path).admit(shown)


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "cannot be read"), (" \n", "is empty"), ("x" * (TOKEN_BYTES + 1), "is longer than")],
)
def test_a_token_file_that_opens_nothing_is_named_before_anybody_asks(tmp_path, content, why):
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Misconfigured, match=r"^operations\.token_file .*") as refused:
        read_token(path)
    assert f"{path} {why}" in refused.value.what


def test_a_token_is_read_without_the_blanks_around_it(token_file):
    assert read_token(token_file) == b"the-operations-token"
