"""May the agent do this? A deny wins; without a permit the answer is no."""

from __future__ import annotations

from collections.abc import Sequence

from caracal_core.domain import Access, Decision
from caracal_core.errors import Denied
from caracal_core.stages.deadline import Due
from caracal_core.stages.part import Part


class Authorization:
    """Asks every policy."""

    def __init__(self, policies: Sequence[Part[Decision | None]]) -> None:
        self._policies = tuple(policies)

    async def decide(self, access: Access, due: Due) -> Decision:
        """Return the first permit, once every policy was asked and none denied.

        Raises:
            Denied: a policy denied, or none permitted.
        """
        permit: Decision | None = None
        for policy in self._policies:
            decision = await policy(due, access)
            if decision is None:
                continue
            if decision.permit is not True:
                raise Denied(decision.reason, policy=decision.policy)
            permit = permit or decision
        if permit is None:
            raise Denied("no policy permits it")
        return permit
