-- Bonus is spent first, then points. Every account row is locked by an earlier UPDATE of the same
-- transaction before these read it.

-- name: hold
INSERT INTO ledger (account, call, minute, kind, points, bonus, at)
SELECT id, :call, :minute, 'hold',
    CASE WHEN bonus < :amount THEN bonus - :amount ELSE 0 END,
    CASE WHEN bonus < :amount THEN -bonus ELSE -:amount END,
    :at
FROM accounts
WHERE id = :account AND (points + bonus >= :amount OR :amount = 0)
RETURNING points, bonus

-- name: release_holds
INSERT INTO ledger (account, call, minute, kind, points, bonus, at)
SELECT account, call, minute, 'release', -points, -bonus, :at
FROM ledger
WHERE call = :call AND kind = 'hold'
RETURNING points, bonus

-- name: capture
INSERT INTO ledger (account, call, minute, kind, points, bonus, at)
SELECT id, :call, 0, 'capture',
    CASE WHEN bonus < :amount THEN bonus - :amount ELSE 0 END,
    CASE WHEN bonus < :amount THEN -bonus ELSE -:amount END,
    :at
FROM accounts
WHERE id = :account
RETURNING points, bonus

-- name: top_up
INSERT INTO ledger (account, kind, points, bonus, at)
VALUES (:account, 'top-up', :points, 0, :at)
RETURNING points, bonus

-- name: change_balance
UPDATE accounts SET points = points + :points, bonus = bonus + :bonus
WHERE id = :account
RETURNING points, bonus

-- name: entries
SELECT ref, minute, kind, points, bonus, at
FROM ledger LEFT JOIN calls ON calls.id = ledger.call
WHERE ledger.account = :account
ORDER BY ledger.id
