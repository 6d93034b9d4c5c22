-- name: call_columns
ref, application, account, ordinal, date, dest1, dest2, status1, status2, room, tag,
notify_url, currency, rate1, rate2, duration, debit, live, state, initial1, increment1, fee1,
initial2, increment2, fee2, reserved_seconds, reserved_cost, answered_at

-- name: take_concurrent_calls
UPDATE accounts SET live_calls = live_calls + :calls
WHERE id = :account AND live_calls + :calls <= concurrent_calls
RETURNING live_calls

-- name: end_concurrent_call
UPDATE accounts SET live_calls = live_calls - 1 WHERE id = :account RETURNING live_calls

-- name: next_value
UPDATE sequences SET value = value + 1 WHERE name = :name RETURNING value

-- name: next_ordinal
UPDATE applications
SET last_ordinal = last_ordinal + 1,
    last_date = CASE WHEN last_date > :now THEN last_date ELSE :now END
WHERE id = :application AND revoked = 0
RETURNING last_ordinal, last_date

-- name: add_call
INSERT INTO calls (
    id, application, account, ordinal, date, dest1, dest2, status1, status2, room, tag,
    notify_url, currency, rate1, rate2, state, initial1, increment1, fee1, initial2, increment2, fee2,
    reserved_seconds, reserved_cost
) VALUES (
    :id, :application, :account, :ordinal, :date, :dest1, :dest2, :status1, :status2, :room, :tag,
    :notify_url, :currency, :rate1, :rate2, :state, :initial1, :increment1, :fee1, :initial2,
    :increment2, :fee2, :reserved_seconds, :reserved_cost
)

-- name: live_call
SELECT {call_columns} FROM calls WHERE id = :id AND live = 1

-- name: update_call
UPDATE calls
SET state = :state, status1 = :status1, status2 = :status2, answered_at = :answered_at
WHERE id = :id AND live = 1
RETURNING id

-- name: settle_call
UPDATE calls
SET live = 0, duration = :duration, debit = :debit, ended_at = :ended_at
WHERE id = :id AND live = 1
RETURNING account, application, room

-- name: one_call
SELECT {call_columns} FROM calls WHERE id = :id AND application = :application

-- name: live_calls
SELECT {call_columns} FROM calls WHERE live = 1 ORDER BY id

-- name: first_ordinal
SELECT ordinal FROM calls WHERE application = :application ORDER BY ordinal LIMIT 1

-- name: last_ordinal
SELECT ordinal FROM calls WHERE application = :application ORDER BY ordinal DESC LIMIT 1

-- name: ordinal_from
SELECT ordinal FROM calls
WHERE application = :application AND date >= :date
ORDER BY date, ordinal LIMIT 1

-- name: ordinal_of
SELECT ordinal FROM calls WHERE id = :id AND application = :application

-- name: page_of_calls
SELECT {call_columns} FROM calls
WHERE application = :application AND ordinal >= :low AND ordinal < :high
ORDER BY ordinal DESC
