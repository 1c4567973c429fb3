"""What a credential's public name looks like, so that nobody revokes a name that nothing has."""

from __future__ import annotations

import re

from msgspec import Struct


class CredentialForm(Struct, frozen=True):
    """The form of `Principal.credential` in one scheme.

    Attributes:
        pattern: a regular expression that every such name matches as a whole, and little else does.
        words: what such a name is, for people; completes "the name of a jwt credential is".
        shown_by: the command that shows right names; empty where there is none.
    """

    pattern: str
    words: str
    shown_by: str = ""

    def fits(self, name: str) -> bool:
        """Return whether a text could be such a name."""
        return re.fullmatch(self.pattern, name) is not None
