"""A request never changes, and shows no credential when it is shown."""

from caracal_core.domain import Connection, Headers, Request


class _Body:
    length = 0


def _request():
    headers = Headers([("authorization", "Bearer secret-token")])
    connection = Connection("127.0.0.1", tls=True, certificate=b"der")
    return Request("id", "GET", "/", "", headers, _Body(), connection, 0.0, 0.0)


def test_a_request_never_changes(frozen):
    frozen(_request())


def test_a_connection_never_changes(frozen):
    frozen(Connection("127.0.0.1"))


def test_a_connection_is_in_the_clear_and_anonymous_unless_told():
    connection = Connection("127.0.0.1")
    assert (connection.tls, connection.certificate) == (False, None)


def test_showing_a_request_shows_no_credential():
    assert "secret-token" not in repr(_request())
