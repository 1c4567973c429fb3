"""Hypothesis here takes its time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("caracal", deadline=None)  # a busy machine makes no test fail
settings.load_profile("caracal")
