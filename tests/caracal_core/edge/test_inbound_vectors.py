"""Other servers' request vectors: all that is invalid is refused, and what else we refuse is known.

``CARACAL_VECTORS`` names a directory with ``gunicorn-requests`` (gunicorn's own test requests)
and ``llhttp`` (those of Node's parser). Vectors without a Host get one, so that they are judged
by what they are about.
"""

import asyncio
import base64
import json
import os
import re
from pathlib import Path

import pytest

from caracal_core.domain import Connection
from caracal_core.edge.inbound import read_head, receive_request
from caracal_core.edge.limits import Limits
from caracal_core.errors import Answered

NAMED = os.environ.get("CARACAL_VECTORS", "")
ROOT = Path(NAMED)
IS_HERE = bool(NAMED) and ROOT.is_dir()
pytestmark = pytest.mark.skipif(not IS_HERE, reason="CARACAL_VECTORS names no directory")

LIMITS_OF_GUNICORN = {"006", "007", "008", "limit_header_default_01"}
"""Refused by gunicorn for their length alone, at half of our limit."""

CONFIGURED_IN_GUNICORN = {
    "010": "a limit of no header fields",
    "017": "a limit on a field's length",
    "019": "gunicorn is told which proxies to trust, and they contradict each other",
}

STRICTER_THAN_GUNICORN = {
    "002": "an equals sign in Host",
    "003": "an equals sign in Host",
    "005": "a fragment in the target",
    "009": "a fragment in the target",
    "012": "trailers",
    "013": "white space in chunk extensions",
    "014": "quotes in the target",
    "018": "the second request has no Host",
    "023": "the second request has no Host",
    "024": "a head longer than our limit",
    "025": "codings other than chunked",
    "025_line": "codings other than chunked",
    "027": "a path that is not ASCII",
    "028": "white space before the colon",
    "029": "codings other than chunked",
    "030": "codings other than chunked",
    "031": "a method that is no word of capitals",
    "031compat": "a method that is no word of capitals",
    "031compat2": "a method that is no word of capitals",
    "040": "underscores for the dashes of framing fields",
    "040_compat": "underscores for the dashes of framing fields",
    "099": "a body shorter than it declares",
    "100": "empty path segments",
    "compat_obs_fold": "folded lines",
    "compat_obs_fold_huge": "folded lines",
    "pp_01": "the PROXY protocol",
    "pp_02": "the PROXY protocol",
    "pp_04": "the PROXY protocol",
    "pp_05": "the PROXY protocol",
    "rfc9112_smuggle_gzip_chunked_01": "codings other than chunked",
    "rfc9112_smuggle_te_identity_chunked_01": "codings other than chunked",
    "rfc9112_target_absolute_01": "absolute-form",
    "rfc9112_target_absolute_https_01": "absolute-form",
    "rfc9112_target_absolute_ipv6_01": "absolute-form",
    "rfc9112_target_absolute_userinfo_01": "absolute-form",
    "rfc9112_target_asterisk_options_01": "asterisk-form",
    "rfc9112_target_authority_connect_01": "CONNECT",
    "rfc9112_target_authority_ipv6_01": "CONNECT",
}

LAXER_THAN_LLHTTP = {
    "connection/No restart when keep-alive is off (1.0)": "what follows is never read",
    "invalid/HTTP protocol and ANNOUNCE method": "methods are named by the routes",
    "invalid/Invalid method": "methods are named by the routes",
}

STRICTER_THAN_LLHTTP = {
    r"connection/(Multiple tokens|Setting a flag and|Emitting|Upgrade) .*": "upgrades",
    r"connection/Restarting when .*": "the second request is incomplete",
    r"content-length/(Spaces|Tabs) .*\(surrounding\)": "the body is missing",
    r"content-length/Content-Length reset .*": "the body is missing",
    r"method/CONNECT .*": "CONNECT",
    r"method/M-SEARCH request": "asterisk-form",
    r"method/PRI request HTTP2": "the preface of HTTP/2",
    r"method/.* with (ICE|RTSP)": "other protocols",
    r"pipelining/.*": "the second request has no Host",
    r"sample/(curl|Firefox) GET": "an equals sign in Host",
    r"sample/(Prefix newline|Request starting with CRLF)": "the Host that this test puts in it",
    r"sample/No HTTP version": "HTTP/0.9",
    r"transfer-encoding/Parsing and setting flag": "the body is missing",
    r"transfer-encoding/Trailing headers": "trailers",
    r"transfer-encoding/Chunk extensions.*": "the last chunk is missing",
    r"transfer-encoding/POST with `chunked` as last .*": "codings other than chunked",
    r"uri/Quotes in URI": "quotes in the target",
    r"uri/(Host|`host:port`) .*": "absolute-form",
    r"uri/Fragment in URI": "a fragment in the target",
    r"uri/Underscore in hostname": "CONNECT",
}


def gunicorn(kind):
    """Return gunicorn's requests: line breaks of the file mean nothing, escapes do."""
    letters = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0"}
    vectors = []
    for path in sorted((ROOT / "gunicorn-requests" / kind).glob("*.http")) if IS_HERE else []:
        raw = re.sub(
            rb"\\(?:x([0-9A-Fa-f]{2})|([rnt0]))",
            lambda m: bytes([int(m[1], 16)]) if m[1] else letters[m[2]],
            path.read_bytes().replace(b"\n", b""),
        )
        vectors.append(pytest.param(path.stem, raw, id=path.stem))
    return vectors


def llhttp(must_reject):
    """Return llhttp's requests, with the last line breaks that their documents cut off."""
    if not IS_HERE:
        return []
    vectors = []
    for vector in json.loads((ROOT / "llhttp" / "request-vectors.json").read_text()):
        source, _, name = vector["id"].partition("/")
        if source == "llhttp" and vector["must_reject"] is must_reject:
            raw = base64.b64decode(vector["raw_b64"])
            if b"\r\n\r\n" not in raw:
                raw = raw.removesuffix(b"\r\n") + b"\r\n\r\n"
            if raw.endswith((b"\r\n0\r\n", b"\r\n000\r\n")):
                raw += b"\r\n"
            vectors.append(pytest.param(name, raw, id=name))
    return vectors


def with_host(raw):
    """Return a request with a Host where it had none."""
    if re.search(rb"(?i)\nhost:", raw):
        return raw
    first, _, rest = raw.partition(b"\r\n")
    return first + b"\r\nHost: a\r\n" + rest


async def read_all(line):
    """Read requests until the bytes or the connection end."""
    while line.received:
        head = await read_head(line)
        _, body = receive_request(head, line, Connection("127.0.0.1"))
        async for _ in body:
            pass
        if not head.keep_alive:
            return


def refused(line_of, raw, limits=None):
    """Return whether anything in these bytes is refused."""
    line = line_of(limits=limits)
    line.received += raw
    try:
        asyncio.run(read_all(line))
    except Answered:
        return True
    return False


@pytest.mark.parametrize(("name", "raw"), gunicorn("invalid"))
def test_what_gunicorn_refuses_is_refused(line_of, name, raw):
    limits = Limits(header_bytes=4094) if name in LIMITS_OF_GUNICORN else None
    assert refused(line_of, raw, limits)
    if name not in CONFIGURED_IN_GUNICORN:
        assert refused(line_of, with_host(raw), limits)


@pytest.mark.parametrize(("name", "raw"), gunicorn("valid"))
def test_what_gunicorn_takes_is_taken_or_known(line_of, name, raw):
    assert refused(line_of, with_host(raw)) is (name in STRICTER_THAN_GUNICORN)


@pytest.mark.parametrize(("name", "raw"), llhttp(must_reject=True))
def test_what_llhttp_refuses_is_refused(line_of, name, raw):
    assert refused(line_of, with_host(raw)) is (name not in LAXER_THAN_LLHTTP)


@pytest.mark.parametrize(("name", "raw"), llhttp(must_reject=False))
def test_what_llhttp_takes_is_taken_or_known(line_of, name, raw):
    known = any(re.fullmatch(pattern, name) for pattern in STRICTER_THAN_LLHTTP)
    assert refused(line_of, with_host(raw)) is known
