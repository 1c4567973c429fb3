"""Every ConfigMap key that this tree reads is one that the deployment knows."""

from __future__ import annotations

from caracal_auth_jwt.config import JwtConfig
from caracal_core.builtin import BUILTINS
from caracal_core.config.core import CoreConfig
from caracal_core.config.deployment import DEPLOYMENT_KEYS
from caracal_core.config.keys import keys_of


def test_no_name_is_read_that_the_deployment_does_not_know():
    models = [CoreConfig, JwtConfig, *(each.Config for each in BUILTINS)]
    read = {name for model in models for key in keys_of(model) for name in key.names}
    assert read <= DEPLOYMENT_KEYS
