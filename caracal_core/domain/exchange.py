"""The finished story of one request, for observers."""

from __future__ import annotations

from msgspec import Struct

from caracal_core.domain.charge import Basis, Cause
from caracal_core.domain.money import Money
from caracal_core.domain.principal import CredentialName

CLIENT_GONE = "client_gone"
"""The code of an exchange whose client hung up before the end of its reply."""


class Exchange(Struct, frozen=True):
    """What happened, without a credential, a body or a header in it.

    Fields that the request never reached are None.

    Attributes:
        id: the exchange's id, as in ``X-Request-ID``.
        client_id: the well-formed ``X-Request-ID`` the client sent, if any; masked alike.
        started_at: unix seconds when the head was complete.
        seconds: how long it took, to the last byte of the reply.
        peer: address of the client.
        method: the request's method.
        path: the request's path; what is known for a secret there, or looks like one, is masked.
        route: id of the route.
        agent: the proven agent.
        scheme: how it was proved.
        credential_id: the public name of the credential that proved it, by which it can be revoked.
        via: the public names of all else that the proof rests on, as in `Principal.via`.
        shown: the kinds of the credentials that were shown, whichever schemes are enabled, in the
            words of `caracal_core.domain.credential_kinds`; never a credential.
        proved: every scheme that proved the agent, in AUTH_MODE's order.
        trial_proved: schemes on trial that would have proved the same agent.
        trial_refused: schemes on trial that would have refused what was shown.
        permitted: the decision.
        policy: id of the policy that decided.
        status: status of the reply; 499 where the client was gone before there was one, 503
            where the gateway stopped before there was one.
        code: the stable word of a refusal or failure, or `CLIENT_GONE`; None where the upstream
            answered and the client got all of it.
        part: the plugin and role that failed, for a failure.
        reason: why it was refused, failed, or was cut, in one line of at most 200 printable
            characters; for the operator alone, and without a secret.
        charge: public id of the charge.
        price: the version of the price that the held amount was computed by.
        held: what was held.
        posted: what was posted; zero where it was voided; None where no money was held or
            the end was not durable yet when the story was told.
        basis: how the posted amount came about; None where nothing was posted.
        cause: why the charge ended as it did.
    """

    id: str
    started_at: float
    seconds: float
    peer: str
    method: str
    path: str
    client_id: str | None = None
    route: str | None = None
    agent: str | None = None
    scheme: str | None = None
    credential_id: str | None = None
    via: tuple[CredentialName, ...] = ()
    shown: tuple[str, ...] = ()
    proved: tuple[str, ...] = ()
    trial_proved: tuple[str, ...] = ()
    trial_refused: tuple[str, ...] = ()
    permitted: bool | None = None
    policy: str | None = None
    status: int | None = None
    code: str | None = None
    part: str | None = None
    reason: str | None = None
    charge: str | None = None
    price: str | None = None
    held: Money | None = None
    posted: Money | None = None
    basis: Basis | None = None
    cause: Cause | None = None
