"""Core's own keys: the deployment's defaults, and what their values may be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from caracal_core.config.core import CoreConfig
from caracal_core.config.keys import keys_of


def test_the_defaults_are_the_deployments():
    core = CoreConfig()
    assert core.auth_mode == ("jwt",)
    assert core.plugins == ()
    assert str(core.listen) == "0.0.0.0:8443"
    assert str(core.operations.listen) == "0.0.0.0:9090"
    assert core.log_level == "INFO"
    assert core.unknown_agents == "refuse"
    assert core.database.embedded
    assert core.tls.mode == "on"


def test_the_configmap_names_are_the_deployments():
    names = {".".join(map(str, key.path)): key.names for key in keys_of(CoreConfig)}
    assert names["auth_mode"] == ("AUTH_MODE",)
    assert names["plugins"] == ("PLUGINS",)
    assert names["listen"] == ("LISTEN_ADDRESS", "GATEWAY_LISTEN_ADDRESS")
    assert names["operations.listen"] == ("OPERATIONS_LISTEN_ADDRESS",)
    assert names["operations.token_file"] == ("OPERATIONS_TOKEN_FILE",)
    assert names["log_level"] == ("LOG_LEVEL",)
    assert names["database.host"] == ("DB_HOST",)
    assert names["tls.mode"] == ("TLS_MODE",)


@pytest.mark.parametrize("written", ["mtls,jwt", ["mtls", "jwt"], " mtls , jwt "])
def test_modes_keep_the_operators_order(written):
    assert CoreConfig(auth_mode=written).auth_mode == ("mtls", "jwt")


@pytest.mark.parametrize("key", ["auth_mode", "plugins"])
def test_a_name_given_twice_is_refused(key):
    with pytest.raises(ValidationError, match="names jwt more than once"):
        CoreConfig(**{key: "jwt,mtls,jwt"})


def test_endless_names_are_refused():
    with pytest.raises(ValidationError, match="more than 64"):
        CoreConfig(plugins=[f"p{n}" for n in range(65)])


def test_a_log_level_is_read_in_any_case():
    assert CoreConfig(log_level="debug").log_level == "DEBUG"


@pytest.mark.parametrize(
    "wrong",
    [
        {"log_level": "LOUD"},
        {"unknown_agents": "admit"},
        {"newcomers_parent": "two words"},
        {"newcomers_parent": ""},
        {"newcomers_parent": "x" * 129},
        {"listen": "8443"},
        {"nonsense": 1},
    ],
)
def test_what_is_refused(wrong):
    with pytest.raises(ValidationError):
        CoreConfig(**wrong)
