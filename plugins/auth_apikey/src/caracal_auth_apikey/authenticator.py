"""From a header field to a proven agent."""

from __future__ import annotations

from hmac import compare_digest
from ipaddress import ip_address

from caracal_auth_apikey.hash_keys import KeyRing
from caracal_auth_apikey.key_text import ID_PATTERN, ApiKey, parse
from caracal_auth_apikey.lookup import Found, Lookup
from caracal_auth_apikey.policy import limits_of
from caracal_auth_apikey.presented import HEADERS, check_query, presented
from caracal_auth_apikey.store import Record, Rehash
from caracal_auth_apikey.usage import Usage
from caracal_core.domain import CredentialForm, Principal, Request
from caracal_core.domain.credential_kinds import AUTHORIZATION_APIKEY, BEARER_OTHER, X_API_KEY
from caracal_core.errors import Unauthenticated
from caracal_core.ports import Clock

_NO_HASH = "0" * 64
"""Compared with where there is no record, so that the work is the same."""


class ApiKeyAuthenticator:
    """Proves agents by keys that were issued and neither ended nor were revoked.

    A malformed key is refused without asking anybody. Every other bad one is looked up, hashed
    and compared alike, whatever is wrong with it.

    Args:
        lookup: knows the keys.
        ring: the hash keys in force.
        usage: takes note of uses.
        clock: measures how long ago the database was asked.
    """

    scheme = "api_key"
    challenge = 'ApiKey realm="caracal"'
    headers = HEADERS
    kinds = frozenset({X_API_KEY, AUTHORIZATION_APIKEY, BEARER_OTHER})
    credential_form = CredentialForm(
        ID_PATTERN, "the id of a key, 16 characters of a-z and 2-7", "caracal keys list"
    )

    def __init__(self, lookup: Lookup, ring: KeyRing, usage: Usage, clock: Clock) -> None:
        self._lookup, self._ring, self._usage, self._clock = lookup, ring, usage, clock

    async def authenticate(self, request: Request) -> Principal | None:
        """Return the agent that the key proves, or None where no key was shown.

        Raises:
            BadRequest: two keys were sent, or one in the query.
            Unauthenticated: the key is bad.
            Failure: the database cannot be asked.
        """
        check_query(request.query)
        text = presented(request.headers)
        if text is None:
            return None
        key = parse(text)
        if key is None:
            raise Unauthenticated("the API key is malformed")
        found = await self._lookup.find(key.id)
        record = self._proved(key, found, request.connection.peer)
        self._usage.note(key.id, record)
        return Principal(
            record.agent,
            self.scheme,
            limits_of(record),
            credential=key.id,
            issued_at=record.created_at,
        )

    def _proved(self, key: ApiKey, found: Found, peer: str) -> Record:
        """Return the record of a key that is good in every respect.

        Raises:
            Unauthenticated: it is not.
        """
        record = found.record
        matches = self._matches(key, record)
        if record is None:
            raise Unauthenticated(f"there is no API key {key.id}")
        if not matches:
            raise Unauthenticated(self._why_not(key, record))
        if record.revoked:
            raise Unauthenticated(f"API key {key.id} was revoked")
        if found.has_ended(self._clock.monotonic()):
            raise Unauthenticated(f"API key {key.id} has ended")
        if not _is_within(peer, record):
            raise Unauthenticated(f"API key {key.id} may not be used from {peer or 'nowhere'}")
        return record

    def _matches(self, key: ApiKey, record: Record | None) -> bool:
        """Return whether the key is the one whose hash is stored.

        One hash is made and compared, whether there is a record or not. The hash of a key that
        was hashed with an older hash key is replaced.
        """
        first = self._ring.first
        hash_key = self._ring.get(record.hash_key) if record else None
        stored = record.hash if record else _NO_HASH
        matches = compare_digest(key.hashed(hash_key or first), stored) and hash_key is not None
        if matches and hash_key is not first:
            self._usage.replace(Rehash(key.id, stored, key.hashed(first), first.id))
        return matches

    def _why_not(self, key: ApiKey, record: Record) -> str:
        if self._ring.get(record.hash_key) is None:
            return f"the hash key {record.hash_key} of API key {key.id} is not in its file"
        return f"the secret is not that of API key {key.id}"


def _is_within(peer: str, record: Record) -> bool:
    """Return whether the connection's other end is in a network that the key may be used from."""
    if not record.networks:
        return True
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return any(address in network for network in record.networks)
