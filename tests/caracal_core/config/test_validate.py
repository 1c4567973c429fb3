"""A part of the configuration is made into its model, whatever its author's validators do."""

from __future__ import annotations

import pytest
from pydantic import field_validator

from caracal_core.config.document import parse_document
from caracal_core.config.merge import merge
from caracal_core.config.problems import SeveralMisconfigured
from caracal_core.config.schema import Part
from caracal_core.config.validate import validate
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, setting


class Acme(Config):
    depth: int = setting(3, description="How deep.")
    width: int = setting(3, description="How wide.")

    @field_validator("depth")
    @classmethod
    def _judge(cls, depth: int) -> int:
        if depth == 13:
            raise Misconfigured("acme.depth", "brings bad luck", "Choose another.")
        return 10 // depth


@pytest.fixture
def judged(say):
    def judged(yaml):
        found = merge(say(yaml), parse_document(yaml.encode(), "caracal.yaml"), ())
        return validate(Part("acme", ("acme",), Acme), found)

    return judged


def test_raw_values_become_the_model(judged):
    assert judged("acme: {depth: 5}") == Acme(depth=5)
    assert judged("") == Acme()


def test_one_fault_is_one_misconfiguration(judged):
    with pytest.raises(Misconfigured, match=r"acme\.depth .*'x' should be a valid integer"):
        judged("acme: {depth: x}")


def test_several_faults_are_told_together(judged):
    with pytest.raises(SeveralMisconfigured) as caught:
        judged("acme: {depth: x, width: y}")
    assert len(caught.value.problems) == 2


def test_a_section_that_is_no_mapping_is_one_fault(judged):
    with pytest.raises(Misconfigured, match=r"acme \(caracal.yaml line 1\): .*a mapping"):
        judged("acme: 3")


def test_an_authors_own_misconfiguration_passes(judged):
    with pytest.raises(Misconfigured, match="brings bad luck"):
        judged("acme: {depth: 13}")


def test_a_validator_that_breaks_is_told_as_the_plugins_fault(judged):
    """A division by zero in a stranger's validator is no traceback."""
    with pytest.raises(Misconfigured, match="plugin acme: its Config raised ZeroDivisionError"):
        judged("acme: {depth: 0}")
