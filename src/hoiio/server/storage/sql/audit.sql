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

-- name: audit_bills
-- Api rule 19, of calls whose legs are all priced by the minute without a fee; a participant has one.
SELECT ref, debit, duration * (rate1 + rate2)
FROM calls
WHERE live = 0 AND initial1 = 60 AND increment1 = 60 AND fee1 = 0
    AND (dest2 = '' OR (initial2 = 60 AND increment2 = 60 AND fee2 = 0))
    AND debit <> duration * (rate1 + rate2)
ORDER BY id

-- name: audit_holds
SELECT ref, 'minute ' || held.minute || ' held', 'released'
FROM ledger AS held JOIN calls ON calls.id = held.call
WHERE held.kind = 'hold' AND live = 0 AND NOT EXISTS (
    SELECT 1 FROM ledger AS back
    WHERE back.call = held.call AND back.kind = 'release' AND back.minute = held.minute
        AND back.points = -held.points AND back.bonus = -held.bonus)
ORDER BY held.id

-- name: audit_causes
SELECT ref, 'minute ' || entry.minute || ' ' || entry.kind || 'd', 'held with the same amounts'
FROM ledger AS entry JOIN calls ON calls.id = entry.call
WHERE (entry.kind = 'release' OR (entry.kind = 'capture' AND entry.minute > 0)) AND NOT EXISTS (
    SELECT 1 FROM ledger AS held
    WHERE held.call = entry.call AND held.kind = 'hold' AND held.minute = entry.minute
        AND held.points = CASE entry.kind WHEN 'release' THEN -entry.points ELSE entry.points END
        AND held.bonus = CASE entry.kind WHEN 'release' THEN -entry.bonus ELSE entry.bonus END)
ORDER BY entry.id

-- name: audit_live_holds
-- A minute that was paid with an earlier one, or is free, has no hold of its own: a call that is up
-- may have had all of its holds captured. None of them is given back before its end.
SELECT ref, 'minute 1 not held', 'held'
FROM calls
WHERE live = 1 AND NOT EXISTS (
    SELECT 1 FROM ledger WHERE call = calls.id AND kind = 'hold' AND minute = 1)
UNION ALL
SELECT ref, 'minute ' || held.minute || ' released or captured',
    'both, or still held'
FROM ledger AS held JOIN calls ON calls.id = held.call
WHERE held.kind = 'hold' AND live = 1
    AND EXISTS (
        SELECT 1 FROM ledger AS back
        WHERE back.call = held.call AND back.kind = 'release' AND back.minute = held.minute)
    <> EXISTS (
        SELECT 1 FROM ledger AS taken
        WHERE taken.call = held.call AND taken.kind = 'capture' AND taken.minute = held.minute)

-- name: audit_loose
SELECT 'AA-' || account, kind, 'top-up or adjustment'
FROM ledger
WHERE call IS NULL AND kind NOT IN ('top-up', 'adjustment')
ORDER BY id

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
