-- A minute is open while the clock is less than a minute away from its beginning: also a little
-- before it, where two services' clocks differ, so that neither begins the other's minute anew.

-- name: take_call_of_minute
UPDATE accounts
SET minute_calls = CASE
        WHEN :now - minute_began < :minute AND minute_began - :now < :minute
        THEN minute_calls + 1 ELSE 1
    END,
    minute_began = CASE
        WHEN :now - minute_began < :minute AND minute_began - :now < :minute
        THEN minute_began ELSE :now
    END
WHERE id = :account AND (
    minute_calls < calls_per_minute
    OR :now - minute_began >= :minute
    OR minute_began - :now >= :minute
)
RETURNING minute_calls

-- name: change_account
-- What is not given stays as it is.
UPDATE accounts
SET number = COALESCE(:number, number),
    requests_per_minute = COALESCE(:requests_per_minute, requests_per_minute),
    calls_per_minute = COALESCE(:calls_per_minute, calls_per_minute),
    concurrent_calls = COALESCE(:concurrent_calls, concurrent_calls),
    trial = COALESCE(:trial, trial)
WHERE id = :account
RETURNING id

-- name: add_number
INSERT INTO numbers (account, number) VALUES (:account, :number)
ON CONFLICT (account, number) DO NOTHING

-- name: remove_number
DELETE FROM numbers WHERE account = :account AND number = :number RETURNING number
