"""Every kind of key source does what the issuers and the plugin ask of it."""

import inspect

import pytest

from caracal_auth_jwt.jwks_url import JwksUrl
from caracal_auth_jwt.key_file import KeyFile
from caracal_auth_jwt.key_source import KeySource, Tools
from caracal_core.plugin import Services

VERBS = ["current", "renewed", "open", "follow", "close"]


@pytest.mark.parametrize("kind", [KeyFile, JwksUrl])
@pytest.mark.parametrize("verb", VERBS)
def test_it_has_every_verb_with_the_same_arguments(kind, verb):
    expected, found = (inspect.signature(getattr(each, verb)) for each in (KeySource, kind))
    assert found.parameters.keys() == expected.parameters.keys()
    assert inspect.iscoroutinefunction(getattr(kind, verb)) == (verb != "current")


def test_its_tools_are_the_plugins_services():
    assert {"clock", "http", "metrics", "log"} <= set(Services.__struct_fields__)
    tools = {name for name in vars(Tools) if not name.startswith("_")}
    assert tools == {"clock", "http", "metrics", "log"}
