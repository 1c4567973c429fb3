"""The one corridor that every request walks."""

from __future__ import annotations

from caracal_core.domain import Access, Request
from caracal_core.ports import Deliver
from caracal_core.stages.authentication import Authentication
from caracal_core.stages.authorization import Authorization
from caracal_core.stages.charging import Charging
from caracal_core.stages.forwarding import Forwarding
from caracal_core.stages.observation import Observation
from caracal_core.stages.replay import Replay
from caracal_core.stages.routing import Routing
from caracal_core.stages.trial import Trial


class Gateway:
    """The stages in their order, resolved at boot."""

    def __init__(
        self,
        observation: Observation,
        routing: Routing,
        authentication: Authentication,
        replay: Replay,
        authorization: Authorization,
        trial: Trial,
        charging: Charging,
        forwarding: Forwarding,
    ) -> None:
        self.observation = observation
        self.routing = routing
        self.authentication = authentication
        self.replay = replay
        self.authorization = authorization
        self.trial = trial
        self.charging = charging
        self.forwarding = forwarding

    async def exchange(self, request: Request, deliver: Deliver) -> None:
        """Lead one request through the house; leaving it settles its charge.

        Raises:
            Answered: a refusal or a failure, for the edge to word where no head is out yet.
            CancelledError: the client hung up, or the house was closed.
        """
        with self.observation.watch(request) as (record, due):
            route = record.route = await self.routing.match(request, due)
            principal = await self.authentication.authenticate(request, route, due)
            record.principal = principal
            await self.replay.claim(request, principal, route, due)
            access = Access(principal, route.id, route.action, route.resource)
            record.decision = await self.authorization.decide(access, due)
            record.trial = await self.trial.judge(request, principal, due)
            key = await self.charging.key(request, route)
            quote = await self.charging.quote(request, route, principal, due)
            hold = record.hold = self.charging.hold(request, route, principal, quote, key, due)

            async def call() -> None:
                with hold:
                    await hold.reserve()
                    sending = self.forwarding.send(request, route, principal, quote, due, hold.sent)
                    async with sending as answer:
                        hold.answered(answer)
                        reply = await self.forwarding.filter(answer, route, due)
                        if due.left is None:  # else nobody hears of it
                            record.status = reply.status
                        await hold.deliver(reply, deliver)

            await hold.see_through(call, request.body)
