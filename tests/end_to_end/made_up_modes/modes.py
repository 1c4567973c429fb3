"""Authentication modes that somebody else made: by a badge in a header, and by one's seat.

A credential is written ``name:serial:issued_at``; one that begins with ``forged`` is bad. A seat
plays a connection's credential: its authenticator declares no header field.
"""

from caracal_core.domain import Principal
from caracal_core.errors import Unauthenticated
from caracal_core.plugin import Plugin, hookimpl


class Showing:
    """Proves whom the field names."""

    def __init__(self, scheme, field, headers):
        self.scheme, self._field, self.headers = scheme, field, headers
        self.challenge = scheme.title() if headers else ""
        self.kinds = frozenset(f"header:{name}" for name in headers)

    async def authenticate(self, request):
        shown = request.headers.get(self._field)
        if shown is None:
            return None
        name, serial, issued_at = shown.split(":")
        if name == "forged":
            raise Unauthenticated(f"a forged {self.scheme}")
        return Principal(name, self.scheme, credential=serial, issued_at=float(issued_at))


class BadgePlugin(Plugin):
    @hookimpl
    def authenticators(self, services):
        return [Showing("badge", "x-badge", frozenset({"x-badge"}))]


class SeatPlugin(Plugin):
    @hookimpl
    def authenticators(self, services):
        return [Showing("seat", "x-seat", frozenset())]
