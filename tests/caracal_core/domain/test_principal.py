"""Who asks: values that never change, with nothing proved that was not said."""

import pytest

from caracal_core.domain import Agent, CredentialName, Principal


def test_a_principal_never_changes(frozen):
    frozen(Principal("alice", "jwt"))


def test_a_principal_has_no_attributes_and_no_accounts_unless_told():
    principal = Principal("alice", "jwt")
    assert (dict(principal.attributes), principal.accounts) == ({}, ())


def test_a_credential_has_no_name_and_no_time_unless_told():
    principal = Principal("alice", "jwt")
    assert (principal.credential, principal.issued_at, principal.via) == (None, None, ())


def test_a_credentials_name_never_changes(frozen):
    frozen(CredentialName("jwt", "idp 17"))


def test_the_attributes_of_nobody_in_particular_cannot_be_written():
    """They are shared by all principals that were told none."""
    with pytest.raises(TypeError):
        Principal("alice", "jwt").attributes["role"] = "root"


def test_an_agent_never_changes(frozen):
    frozen(Agent("alice", enabled=True, accounts=("alice",)))
