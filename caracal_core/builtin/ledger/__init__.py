"""The built-in ledger: budgets in calendar windows, exact holds, and a journal of their ends."""
