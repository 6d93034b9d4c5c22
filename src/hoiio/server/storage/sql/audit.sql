-- Each check lists what is wrong: whose, what was found, what was expected. No rows: all is well.

-- name: audit_counts
SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM calls),
    (SELECT count(*) FROM calls WHERE live = 1), (SELECT count(*) FROM ledger)

-- name: audit_points
SELECT 'AA-' || accounts.id, accounts.points, coalesce(sum(ledger.points), 0)
FROM accounts LEFT JOIN ledger ON ledger.account = accounts.id
GROUP BY accounts.id, accounts.points
HAVING accounts.points <> coalesce(sum(ledger.points), 0)
ORDER BY accounts.id

-- name: audit_bonus
SELECT 'AA-' || accounts.id, accounts.bonus, coalesce(sum(ledger.bonus), 0)
FROM accounts LEFT JOIN ledger ON ledger.account = accounts.id
GROUP BY accounts.id, accounts.bonus
HAVING accounts.bonus <> coalesce(sum(ledger.bonus), 0)
ORDER BY accounts.id

-- name: audit_debits
SELECT ref, debit, coalesce(-sum(points + bonus), 0)
FROM calls LEFT JOIN ledger ON ledger.call = calls.id
WHERE live = 0
GROUP BY calls.id, ref, debit
HAVING debit <> coalesce(-sum(points + bonus), 0)
ORDER BY calls.id

-- name: audit_holds
SELECT ref, 'minute ' || held.minute || ' held', 'released'
FROM ledger AS held JOIN calls ON calls.id = held.call
WHERE held.kind = 'hold' AND live = 0 AND NOT EXISTS (
    SELECT 1 FROM ledger AS back
    WHERE back.call = held.call AND back.kind = 'release' AND back.minute = held.minute
        AND back.points = -held.points AND back.bonus = -held.bonus)
ORDER BY held.id

-- name: audit_settlements
SELECT ref, (SELECT count(*) FROM ledger WHERE call = calls.id AND kind = 'capture' AND minute = 0),
    1 - live
FROM calls
WHERE (SELECT count(*) FROM ledger WHERE call = calls.id AND kind = 'capture' AND minute = 0)
    <> 1 - live
ORDER BY calls.id

-- name: audit_ends
SELECT ref, CASE WHEN live = 1 THEN 'live, with an end' ELSE 'ended, without an end' END,
    'duration, debit and end once it ended, and all three'
FROM calls
WHERE (duration IS NULL) <> (live = 1) OR (debit IS NULL) <> (live = 1)
    OR (ended_at IS NULL) <> (live = 1)
ORDER BY id

-- name: audit_payers
SELECT ref, 'AA-' || ledger.account, 'AA-' || calls.account
FROM ledger JOIN calls ON calls.id = ledger.call
WHERE ledger.account <> calls.account
ORDER BY ledger.id

-- name: audit_live_calls
SELECT 'AA-' || id, live_calls,
    (SELECT count(*) FROM calls WHERE live = 1 AND account = accounts.id)
FROM accounts
WHERE live_calls <> (SELECT count(*) FROM calls WHERE live = 1 AND account = accounts.id)
ORDER BY id

-- name: audit_rooms
SELECT rooms.name, people, (
    SELECT count(*) FROM calls
    WHERE live = 1 AND calls.application = rooms.application AND calls.room = rooms.name)
FROM rooms
WHERE people = 0 OR people <> (
    SELECT count(*) FROM calls
    WHERE live = 1 AND calls.application = rooms.application AND calls.room = rooms.name)
UNION ALL
SELECT room, 0, count(*)
FROM calls
WHERE live = 1 AND room <> '' AND NOT EXISTS (
    SELECT 1 FROM rooms WHERE rooms.application = calls.application AND rooms.name = calls.room)
GROUP BY application, room
