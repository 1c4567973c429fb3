"""What authenticators declare of their credentials: the header fields, and the kinds."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from caracal_core.assembly.furnishing import Furnishing
from caracal_core.domain.credential_kinds import header_of, is_kind, own_of, taken_by
from caracal_core.domain.field_names import TOKEN, canonical, is_gateways_own
from caracal_core.errors import Misconfigured
from caracal_core.ports import Authenticator, TakesKinds

MOST_WITHHELD = 1000
"""How many fields may be withheld where some of them are no longer used."""

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


def withheld_fields(furnishings: Iterable[Furnishing], earlier: frozenset[str]) -> frozenset[str]:
    """Return the canonical names of all fields in which agents may still send credentials.

    Agents do not learn of a reload: they go on sending a key in the field that it was taken in
    before, and that key may well be good elsewhere.

    Args:
        furnishings: what has the authenticators of today.
        earlier: what was withheld since the process began.

    Raises:
        Misconfigured: an authenticator's declaration makes no sense, or there have been too many.
    """
    fields = credential_fields(furnishings)
    if not fields >= earlier and len(fields | earlier) > MOST_WITHHELD:
        raise Misconfigured(
            "plugins",
            f"with those before them they took credentials in more than {MOST_WITHHELD} fields",
            "Restart the gateway; it withholds a field that is no longer used until then.",
        )
    return fields | earlier


def own_fields(furnishings: Iterable[Furnishing]) -> frozenset[str]:
    """Return the names of the authenticators' own fields, which are kinds of credentials.

    Raises:
        Misconfigured: an authenticator's declaration makes no sense.
    """
    return own_of(
        {
            name
            for furnishing in furnishings
            for part in furnishing.authenticators
            for name in declared_fields(furnishing.name, part)
        }
    )


def declared_kinds(plugin: str, part: Authenticator) -> frozenset[str]:
    """Return the kinds of credentials that one authenticator takes.

    Raises:
        Misconfigured: they are no kinds, or stand in header fields that it does not declare.
    """
    fields = declared_fields(plugin, part)
    if not isinstance(part, TakesKinds):
        return taken_by(fields)
    kinds: Any = part.kinds
    if not isinstance(kinds, AbstractSet):
        raise _no_kinds(plugin, f"are {kinds!r:.80} instead of a set of words")
    for kind in kinds:
        if not isinstance(kind, str) or not is_kind(kind):
            raise _no_kinds(plugin, f"hold {kind!r:.80}, which is none")
        header = header_of(kind)
        if header is not None and header not in fields:
            raise _no_kinds(plugin, f"hold {kind}, and its headers do not hold {header}")
    return frozenset(kinds)


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


def _no_kinds(plugin: str, what: str) -> Misconfigured:
    return Misconfigured(
        f"plugin {plugin}",
        f"its authenticator's kinds {what}",
        "The words are in caracal_core.domain.credential_kinds.",
    )


def _refusal(plugin: str, what: str, mend: str) -> Misconfigured:
    return Misconfigured(f"plugin {plugin}", f"its authenticator's headers {what}", mend)
