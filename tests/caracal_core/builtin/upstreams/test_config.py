"""Proved here: an upstream's section says where it listens and with what headers, or is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from caracal_core.builtin.upstreams.config import Origin, UpstreamConfig
from caracal_core.ports import SecretSource


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example", Origin(True, "api.example", 443, "api.example", "")),
        ("http://API.example/", Origin(False, "api.example", 80, "api.example", "")),
        ("https://a.example:8443/v1/", Origin(True, "a.example", 8443, "a.example:8443", "/v1")),
        ("https://a.example:443", Origin(True, "a.example", 443, "a.example", "")),
        ("http://127.0.0.1:8000/a/b", Origin(False, "127.0.0.1", 8000, "127.0.0.1:8000", "/a/b")),
        ("http://[::1]:80", Origin(False, "::1", 80, "[::1]", "")),
        ("http://[::1]:81", Origin(False, "::1", 81, "[::1]:81", "")),
        (
            "http://my_service.default.svc.",
            Origin(False, *("my_service.default.svc.", 80), "my_service.default.svc.", ""),
        ),
    ],
)
def test_a_url_is_taken_apart(url, origin):
    """Host and port to dial, the Host to send, and the path before every target."""
    assert Origin.parse(url) == origin


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("api.example", "begins with http"),
        ("ftp://api.example", "begins with http"),
        ("file:///etc/passwd", "begins with http"),
        ("https://user:pw@api.example", "no credentials"),
        ("https://api.example/?q", "ends with its path"),
        ("https://api.example/#f", "ends with its path"),
        ("https://api.example?", "ends with its path"),
        ("https://", "no host name"),
        ("https:///v1", "no host name"),
        ("https://a b", "visible ASCII"),
        ("https://a\n.example", "visible ASCII"),
        ("https://m\u00fcnchen.example", "visible ASCII"),
        ("https://a..b", "no host name"),
        (f"https://{'a' * 64}.example", "no host name"),
        ("https://[fe80::1%25lo]", "no host name"),
        ("https://a:0", "number 0"),
        ("https://a:70000", "range"),
        ("https://a/b//c", "path"),
        ("https://a/../c", "path"),
        ("https://a/b\\c", "path"),
    ],
)
def test_what_cannot_be_dialled_is_refused(url, complaint):
    """At boot, not at the first request."""
    with pytest.raises(ValidationError, match=complaint):
        UpstreamConfig(url=url)


def a_config(**headers: object) -> UpstreamConfig:
    return UpstreamConfig.model_validate({"url": "https://a.example", "headers": headers})


def test_a_header_is_a_value_or_where_it_stands():
    """A string, a file, or a variable."""
    config = a_config(A="plain", B={"secret_file": "/f"}, C={"secret_env": "E"})
    assert config.headers["A"].get_secret_value() == "plain"
    assert config.headers["B"].source == SecretSource(file="/f")
    assert config.headers["C"].source == SecretSource(env="E")


def test_a_literal_value_is_not_shown():
    """It may be a credential, and a configuration is printed and logged."""
    config = a_config(Authorization="Bearer hidden")
    assert "hidden" not in f"{config} {config!r} {config.model_dump()} {config.model_dump_json()}"


@pytest.mark.parametrize(
    ("headers", "complaint"),
    [
        ({"Host": "x"}, "gateway itself"),
        ({"content-length": "1"}, "gateway itself"),
        ({"Transfer-Encoding": "chunked"}, "gateway itself"),
        ({"Connection": "close"}, "gateway itself"),
        ({"X-Caracal-Principal": "root"}, "gateway itself"),
        ({"X_Caracal_Principal": "root"}, "gateway itself"),
        ({"a b": "x"}, "no name"),
        ({"a\r\nb": "x"}, "no name"),
        ({"\u00e4": "x"}, "no name"),
        ({"": "x"}, "no name"),
        ({"A-b": "1", "a-B": "2"}, "twice"),
        ({"A-b": "1", "a_b": "2"}, "twice"),
        ({"A": {"secret_file": "/f", "secret_env": "E"}}, "either"),
        ({"A": {}}, "either"),
        ({"A": {"secret": "/f"}}, "not permitted"),
        ({"A": 7}, "valid"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused(headers, complaint):
    """Framing and identity are the gateway's; one name has one value."""
    with pytest.raises(ValidationError, match=complaint):
        a_config(**headers)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("connect_timeout", 0),
        ("reply_timeout", -1),
        ("reply_timeout", float("inf")),
        ("max_connections", 0),
        ("idle_timeout", 0),
        ("allow_privat", True),
        ("trust_actual_costs", True),
    ],
)
def test_limits_are_limits(key, value):
    """No timeout is endless, and unknown keys are errors."""
    with pytest.raises(ValidationError, match=key):
        UpstreamConfig.model_validate({"url": "https://a.example", key: value})


@pytest.mark.parametrize(
    ("host", "private", "public"),
    [
        ("127.0.0.1", "allow_private is not set", None),
        ("[::1]", "allow_private is not set", None),
        ("10.1.2.3", "allow_private is not set", None),
        ("169.254.169.254", "metadata", "metadata"),
        ("[::ffff:169.254.169.254]", "metadata", "metadata"),
        ("1.1.1.1", None, None),
        ("localhost", None, None),
    ],
)
def test_an_address_that_would_never_be_dialled_is_refused_at_once(host, private, public):
    """Not by the first call of an agent; what a name stands for is only known then."""
    for allowed, reason in ((False, private), (True, public)):
        config = {"url": f"http://{host}:8080", "allow_private": allowed}
        if reason is None:
            UpstreamConfig.model_validate(config)
        else:
            with pytest.raises(ValidationError, match=reason):
                UpstreamConfig.model_validate(config)


def test_silence_means_the_documented_defaults():
    """Nothing private is dialled unless it is said."""
    config = UpstreamConfig(url="https://a.example")
    assert (config.connect_timeout, config.reply_timeout, config.allow_private) == (5, None, False)
    assert config.trust_actual_cost is False
