"""Tamper evidence: sealed entries, a hash chain over the seals, and signed checkpoints of it."""
