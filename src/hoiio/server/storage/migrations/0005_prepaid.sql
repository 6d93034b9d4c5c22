-- Calls are prepaid: no balance goes below zero. What went below while only a call's first minute was
-- held is written off. SQLite adds a check to a table only together with a column.

INSERT INTO ledger (account, kind, points, bonus, at)
SELECT id, 'adjustment', -points, 0, created_at FROM accounts WHERE points < 0;

UPDATE accounts SET points = 0 WHERE points < 0;

ALTER TABLE accounts ADD COLUMN prepaid INTEGER NOT NULL DEFAULT 1 CHECK (prepaid = 1 AND points >= 0);
