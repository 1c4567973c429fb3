"""A store is chosen by DB_HOST alone, and a lost DB_HOST is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.errors import Misconfigured
from caracal_core.storage.config import StorageConfig, require_host

KEYS = ["DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_POOL_SIZE", "PATH"]


def test_without_a_host_the_store_is_embedded():
    assert StorageConfig().embedded
    assert not StorageConfig(host="caracal-postgres").embedded


def test_every_key_of_the_config_map_is_declared():
    fields = StorageConfig.model_fields.values()
    declared = {name for field in fields for name in field.json_schema_extra["env"]}
    assert declared == {
        "DB_HOST",
        "DB_PORT",
        "DB_NAME",
        "DB_USER",
        "DB_PASSWORD",
        "DB_POOL_SIZE",
        "DB_MAX_OVERFLOW",
        "DB_POOL_TIMEOUT",
        "CARACAL_DATA_DIR",
        "CARACAL_HASH_KEY_FILE",
        "CARACAL_SIGNING_KEY_FILE",
    }


def test_the_password_is_never_shown():
    config = StorageConfig(host="h", password="hunter2")
    assert "hunter2" not in repr(config)
    assert "hunter2" not in config.model_dump_json()


@pytest.mark.parametrize("sign", ["DB_NAME", "DB_PASSWORD", "KUBERNETES_SERVICE_HOST"])
def test_a_lost_host_is_named_with_its_sign_and_mend(sign):
    with pytest.raises(Misconfigured) as refused:
        require_host({sign, "HOME"})
    assert refused.value.where == "DB_HOST"
    assert sign in refused.value.what
    assert "DB_HOST" in refused.value.mend


@given(st.sets(st.sampled_from([*KEYS, "KUBERNETES_SERVICE_HOST"])))
def test_only_a_host_or_no_sign_of_a_server_is_accepted(keys):
    accepted = "DB_HOST" in keys or not keys - {"PATH"}
    try:
        require_host(keys)
    except Misconfigured:
        assert not accepted
    else:
        assert accepted
