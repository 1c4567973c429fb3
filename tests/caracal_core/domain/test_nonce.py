"""A nonce is a value that never changes."""

from caracal_core.domain import Nonce


def test_a_nonce_never_changes(frozen):
    frozen(Nonce("alice", "n-1", 0.0))
