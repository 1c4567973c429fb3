"""A command sees what the enabled plugins bring, without a database and without the rest."""

from __future__ import annotations

import pytest

from caracal_core.assembly import discovery
from caracal_core.assembly.masking import Masking
from caracal_core.cli.furnished import authenticators_of, unopened_foundation
from caracal_core.config.load import load
from caracal_core.config.sources import locate
from caracal_core.errors import Failure


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = {"CARACAL_DATA_DIR": str(tmp_path / "data"), "AUTH_MODE": "jwt"}
    return load(locate(environment, None, {}).read(), discovery)


def test_the_enabled_authenticators_are_seen_where_no_policy_is(loaded, tmp_path):
    assert [part.scheme for part in authenticators_of(loaded)] == ["jwt"]
    assert not (tmp_path / "data").exists()


async def test_the_store_below_it_is_not_open(loaded):
    directory = unopened_foundation(loaded, Masking()).directory(loaded.core)
    with pytest.raises(Failure, match="not open"):
        await directory.find("anna")
