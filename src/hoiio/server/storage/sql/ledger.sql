-- Bonus is spent first, then points. An account's row is locked before these read it: a balance that
-- was read cannot have changed when it is written.

-- name: lock_account
UPDATE accounts SET points = points WHERE id = :account RETURNING id

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
FROM ledger AS held
WHERE call = :call AND kind = 'hold' AND (:minute IS NULL OR minute <= :minute)
    AND NOT EXISTS (
        SELECT 1 FROM ledger AS back
        WHERE back.call = held.call AND back.minute = held.minute AND back.kind = 'release')
ORDER BY minute
RETURNING minute, points, bonus

-- name: capture_minute
INSERT INTO ledger (account, call, minute, kind, points, bonus, at)
VALUES (:account, :call, :minute, 'capture', :points, :bonus, :at)

-- name: captured_by_minute
SELECT coalesce(sum(points), 0), coalesce(sum(bonus), 0)
FROM ledger
WHERE call = :call AND kind = 'capture' AND minute > 0

-- name: adjust
INSERT INTO ledger (account, call, kind, points, bonus, at)
VALUES (:account, :call, 'adjustment', :points, :bonus, :at)

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

-- name: last_entry
SELECT coalesce(max(id), 0) FROM ledger WHERE account = :account

-- name: entries
SELECT ledger.id, ref, minute, kind, points, bonus, at
FROM ledger LEFT JOIN calls ON calls.id = ledger.call
WHERE ledger.account = :account AND ledger.id > :after AND ledger.id <= :last
ORDER BY ledger.id
LIMIT :limit
