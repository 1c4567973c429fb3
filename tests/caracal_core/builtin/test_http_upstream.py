"""Proved here: one request goes out once and its reply comes back, or the reason why not.

The general promises are the contract's; beside them stand those of this upstream alone.
"""

from __future__ import annotations

import pytest

from caracal_core.testing.contracts import UpstreamContract

PATIENCE_SECONDS = 10


class TestContract(UpstreamContract):
    """It owes what every upstream owes."""

    @pytest.fixture
    async def upstream(self, far_side, connect):
        return await connect(far_side.url)
