"""Replay protection: each nonce of an agent is good for one request."""

from caracal_core.builtin.replay.plugin import ReplayPlugin

__all__ = ["ReplayPlugin"]
