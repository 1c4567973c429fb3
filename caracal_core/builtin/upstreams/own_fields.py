"""An upstream's own header fields, its credential among them, which follow their secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import SecretStr

from caracal_core.builtin.upstreams.config import SecretHeader
from caracal_core.builtin.upstreams.request_head import RequestHead
from caracal_core.errors import Misconfigured
from caracal_core.own_thread import in_own_thread
from caracal_core.ports import Secrets

_VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?", re.ASCII)


class OwnField:
    """One field; a `FileReader`.

    Args:
        upstream: the upstream's name.
        name: the field's name.
        given: its value, or where that stands.
        secrets: reads it there.
    """

    def __init__(
        self, upstream: str, name: str, given: SecretStr | SecretHeader, secrets: Secrets
    ) -> None:
        self._where = f"upstreams.{upstream}.headers.{name}"
        self._given = given
        self._secrets = secrets
        self._value = ""

    async def read(self) -> bool:
        before, self._value = self._value, await in_own_thread(self.value, self._file)
        return self._value != before

    @property
    def _file(self) -> str | None:
        return self._given.secret_file if isinstance(self._given, SecretHeader) else None

    def value(self) -> str:
        """Return what stands there now.

        Raises:
            Misconfigured: it cannot be read, or no field may have this value.
        """
        given = self._given
        if isinstance(given, SecretStr):
            value = given.get_secret_value()
        else:
            value = self._secrets.read(given.source)
        if not _VALUE.fullmatch(value):
            raise Misconfigured(
                self._where,
                "its value is empty or holds a character that no header may hold",
                "Write visible ASCII on one line.",
            )
        return value


class OwnFields:
    """All fields of one upstream, taken up together; a `FileReader`.

    Args:
        fields: the fields by their names.
        head: writes them into each request from the next one on.
    """

    def __init__(self, fields: Mapping[str, OwnField], head: RequestHead) -> None:
        self._fields = fields
        self._head = head
        self._in_force: list[tuple[str, str]] | None = None

    async def read(self) -> bool:
        values = await in_own_thread(self._values)
        if values == self._in_force:
            return False
        self._head.renew(values)
        self._in_force = values
        return True

    def _values(self) -> list[tuple[str, str]]:
        return [(name, field.value()) for name, field in self._fields.items()]
