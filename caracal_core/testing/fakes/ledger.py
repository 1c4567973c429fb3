"""A ledger in memory: exact, but nothing survives it and nothing expires in it."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

from caracal_core.domain import Basis, Cause, Charge, Money, Receipt, Reservation
from caracal_core.errors import BudgetExceeded, CaracalError, Failure, IdempotencyConflict

T = TypeVar("T")


class FakeLedger:
    """Holds and books money against budgets that never end."""

    def __init__(self) -> None:
        self._budgets: dict[tuple[str, str], _Budget] = {}
        self._pending: dict[str, Charge] = {}
        self._receipts: dict[str, Receipt] = {}
        self._voided: dict[str, Charge] = {}
        self._keys: dict[tuple[str, str], Charge] = {}
        self._public: dict[str, str] = {}
        self._bases: dict[str, Basis] = {}

    def limit(self, account: str, amount: Money) -> None:
        """Give the account a budget in the amount's currency, or change its limit."""
        budget = self._budgets.setdefault((account, amount.currency), _Budget())
        budget.limit = amount.micro

    def held(self, account: str, currency: str = "USD") -> Money:
        """Return what is held against the account's budget."""
        return Money(self._budgets[account, currency].held, currency)

    def spent(self, account: str, currency: str = "USD") -> Money:
        """Return what was posted to the account's budget."""
        return Money(self._budgets[account, currency].spent, currency)

    @property
    def pending(self) -> Mapping[str, Charge]:
        """The charges that are held and not ended yet, by id."""
        return MappingProxyType(self._pending)

    @property
    def receipts(self) -> Mapping[str, Receipt]:
        """How each ended charge ended, by id."""
        return MappingProxyType(self._receipts)

    @property
    def bases(self) -> Mapping[str, Basis]:
        """How the amount of each post came about, by the charge's id."""
        return MappingProxyType(self._bases)

    def reserve(self, charge: Charge) -> Awaitable[Reservation]:
        if charge.id in self._receipts:
            return _Said(error=Failure("test ledger", "the charge has ended already"))
        if charge.id not in self._pending:
            budgets = self._path(charge)
            refusal = self._conflict(charge) or self._shortage(charge, budgets)
            if refusal is not None:
                return _Said(error=refusal)
            for budget in budgets.values():
                budget.held += charge.amount.micro
            self._pending[charge.id] = charge
            self._remember(charge)
        expires_at = 1_800_000_000.0 + charge.expire_seconds
        public = self._public.get(charge.id, charge.id)
        return _Said(Reservation(public, charge.amount, expires_at))

    def post(
        self, id: str, amount: Money, cause: Cause, basis: Basis = "held"
    ) -> Awaitable[Receipt]:
        self._bases.setdefault(id, basis)
        if id not in self._pending and id not in self._receipts:
            return _Said(error=Failure("test ledger", "a post of a charge that was never held"))
        return _Said(self._end(Receipt(id, "posted", amount, cause)))

    def void(self, id: str, cause: Cause) -> Awaitable[Receipt]:
        charge = self._pending.get(id)
        currency = charge.amount.currency if charge else "USD"
        return _Said(self._end(Receipt(id, "voided", Money(0, currency), cause)))

    def _conflict(self, charge: Charge) -> IdempotencyConflict | None:
        """Return why the charge's key is not to be charged again, if so."""
        before = self._keys.get((charge.agent, charge.key or ""))
        if before is None:
            return None
        public = self._public.get(before.id, before.id)
        if before.fingerprint != charge.fingerprint:
            return IdempotencyConflict("idempotency_key_reused", public)
        if before.id in self._pending:
            return IdempotencyConflict("idempotency_in_flight", public)
        if before.id not in self._voided:
            return IdempotencyConflict("already_charged", public)
        return None

    def _remember(self, charge: Charge) -> None:
        """Let the key stand for this attempt, under the public id of the first one."""
        if charge.key is None:
            return
        before = self._keys.get((charge.agent, charge.key))
        if before is not None:
            self._public[charge.id] = self._public.get(before.id, before.id)
        self._keys[charge.agent, charge.key] = charge

    def _path(self, charge: Charge) -> dict[str, _Budget]:
        """Return the budgets of the account path in the charge's currency."""
        keys = [(account, charge.amount.currency) for account in charge.accounts]
        return {key[0]: self._budgets[key] for key in keys if key in self._budgets}

    @staticmethod
    def _shortage(charge: Charge, budgets: Mapping[str, _Budget]) -> BudgetExceeded | None:
        """Return the refusal of the first budget that is short."""
        own = charge.accounts[0]
        if not budgets:
            return BudgetExceeded(charge.amount, own)
        for account, budget in budgets.items():
            if charge.amount.micro > budget.left:
                left = Money(max(budget.left, 0), charge.amount.currency)
                available = left if account == own else None
                return BudgetExceeded(charge.amount, account, "total", available)
        return None

    def _end(self, receipt: Receipt) -> Receipt:
        """End a charge; the first of two endings stands."""
        before = self._receipts.get(receipt.id)
        if before is not None:
            self._adjust(receipt)
            return before
        charge = self._pending.pop(receipt.id, None)
        if charge is not None:
            for budget in self._path(charge).values():
                budget.held -= charge.amount.micro
                budget.spent += receipt.amount.micro
            if receipt.state == "voided":
                self._voided[receipt.id] = charge
        self._receipts[receipt.id] = receipt
        return receipt

    def _adjust(self, late: Receipt) -> None:
        """Book what was spent on a charge that was voided before, once."""
        if late.state == "posted" and late.id in self._voided:
            for budget in self._path(self._voided.pop(late.id)).values():
                budget.spent += late.amount.micro


class _Budget:
    """One budget's numbers, in micro-units."""

    __slots__ = ("held", "limit", "spent")

    def __init__(self) -> None:
        self.limit = self.held = self.spent = 0

    @property
    def left(self) -> int:
        return self.limit - self.held - self.spent


class _Said(Generic[T]):
    """An answer that is there already, to be awaited like one that is not."""

    __slots__ = ("_error", "_value")

    def __init__(self, value: T | None = None, error: CaracalError | None = None) -> None:
        self._value = value
        self._error = error

    def __await__(self) -> Generator[None, None, T]:
        yield from ()
        if self._error is not None:
            raise self._error
        assert self._value is not None  # noqa: S101 - one of the two is always given
        return self._value
