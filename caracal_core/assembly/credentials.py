"""In which header fields the enabled authenticators look for a credential."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from caracal_core.assembly.furnishing import Furnishing
from caracal_core.domain.field_names import TOKEN, canonical, is_gateways_own
from caracal_core.errors import Misconfigured
from caracal_core.ports import Authenticator

_EXAMPLE = 'Give a frozenset of lower-case field names, such as frozenset({"authorization"}).'


def credential_fields(furnishings: Iterable[Furnishing]) -> frozenset[str]:
    """Return the canonical names of the fields of all authenticators.

    A credential that was sent to another scheme than the route's is withheld as well.

    Raises:
        Misconfigured: an authenticator's declaration makes no sense.
    """
    return frozenset(
        canonical(name)
        for furnishing in furnishings
        for part in furnishing.authenticators
        for name in declared_fields(furnishing.name, part)
    )


def declared_fields(plugin: str, part: Authenticator) -> frozenset[str]:
    """Return the names that one authenticator declares.

    Raises:
        Misconfigured: they are no set of lower-case field names, or name the gateway's own.
    """
    try:
        declared: Any = part.headers
    except Exception as error:
        raise _refusal(plugin, f"raised {type(error).__name__}", _EXAMPLE) from error
    if not isinstance(declared, AbstractSet):
        raise _refusal(plugin, f"are a {type(declared).__name__} instead of a set", _EXAMPLE)
    for name in declared:
        if not isinstance(name, str) or not TOKEN.fullmatch(name) or name != name.lower():
            raise _refusal(plugin, f"hold {name!r:.80}, which is no field name", _EXAMPLE)
        if is_gateways_own(name):
            raise _refusal(
                plugin,
                f"hold {name}, which is the gateway's own field",
                "Take the credential in a field of another name.",
            )
    return frozenset(declared)


def _refusal(plugin: str, what: str, mend: str) -> Misconfigured:
    return Misconfigured(f"plugin {plugin}", f"its authenticator's headers {what}", mend)
