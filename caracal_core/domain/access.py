"""May this agent do this? The question and its answer."""

from __future__ import annotations

from msgspec import Struct

from caracal_core.domain.principal import Principal


class Access(Struct, frozen=True):
    """The question that every policy is asked.

    Attributes:
        principal: who asks.
        route: id of the matched route.
        action: what is asked, such as ``POST``.
        resource: what it is asked of, such as ``/openai/v1/models``.
    """

    principal: Principal
    route: str
    action: str
    resource: str


class Decision(Struct, frozen=True):
    """One policy's answer. A deny from any policy wins; without a permit nobody passes.

    Attributes:
        permit: whether the access may happen.
        policy: the policy's id, for the audit record.
        reason: one sentence for the operator; the client is told only that it was denied.

    Raises:
        TypeError: the permit is neither True nor False, however true it may look, or a word is
            no text.
    """

    permit: bool
    policy: str
    reason: str = ""

    def __post_init__(self) -> None:
        if type(self.permit) is not bool:
            raise TypeError("a decision permits, which is True, or denies, which is False")
        if not (isinstance(self.policy, str) and isinstance(self.reason, str)):
            raise TypeError("a decision's policy and its reason are texts")
