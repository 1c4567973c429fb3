"""What another session may keep locked: the statements that lock one row each."""

HOLD = "SELECT id FROM reservations WHERE id = $1 FOR UPDATE"
WINDOW = """SELECT w.id FROM budget_windows AS w JOIN budgets AS b ON b.id = w.budget_id
JOIN accounts AS a ON a.id = b.account_id WHERE a.name = $1 FOR UPDATE OF w"""
BUDGET = """SELECT b.id FROM budgets AS b JOIN accounts AS a ON a.id = b.account_id
WHERE a.name = $1 FOR UPDATE OF b"""
KEY = "SELECT key FROM idempotency_keys WHERE key = $1 FOR UPDATE"
