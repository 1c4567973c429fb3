"""What has to be done again and again so that the journal can be proved."""

from __future__ import annotations

from caracal_core.builtin.ledger.sealing.checkpoints import sign_when_due
from caracal_core.builtin.ledger.sealing.sealer import Sealer
from caracal_core.ports import Database, Signer


class Notary:
    """Seals what is final, and now and then signs a checkpoint of it.

    Any number of processes may do so at once: the seals are made by one of them, and of two
    checkpoints of a seal the first one stays.

    Args:
        database: where the journal is.
        most: how many entries one seal covers at most.
        signer: signs the checkpoints; None makes none.
        seconds: how old the last checkpoint is when another one is due.
    """

    def __init__(
        self, database: Database, most: int, signer: Signer | None, seconds: float
    ) -> None:
        self._database = database
        self._sealer = Sealer(database, most)
        self._signer = signer
        self._seconds = seconds

    async def work(self) -> None:
        """Seal all that is final by now, and sign where that is due.

        Raises:
            Failure: the database cannot be asked, or what stands there is no seal or entry.
        """
        await self._sealer.seal()
        if self._signer is not None:
            await sign_when_due(self._database, self._signer, self._seconds)
