-- Windows are whole hours and days, by number. A counter belongs to the window that stands beside
-- it; one of an earlier window counts as nothing. What comes as many windows late as :late counts to
-- the one that is there: a request for one, as it may be written late at a window's beginning, and a
-- settlement for any, as the end of a call may be found out late. Beyond that, a clock was set back.

-- name: per_hour_part
COALESCE(spend_per_hour, (SELECT s.spend_per_hour FROM service_ceilings AS s), 0)

-- name: per_day_part
COALESCE(spend_per_day, (SELECT s.spend_per_day FROM service_ceilings AS s), 0)

-- name: unconnected_seconds_most_part
COALESCE(unconnected_seconds_per_hour,
    (SELECT s.unconnected_seconds_per_hour FROM service_ceilings AS s), 0)

-- name: unconnected_cost_most_part
COALESCE(unconnected_cost_per_hour,
    (SELECT s.unconnected_cost_per_hour FROM service_ceilings AS s), 0)

-- name: spent_this_hour_part
CASE WHEN spent_hour - :hour BETWEEN 0 AND :late THEN spent_in_hour ELSE 0 END

-- name: spent_today_part
CASE WHEN spent_day - :day BETWEEN 0 AND :late THEN spent_in_day ELSE 0 END

-- name: unconnected_seconds_now_part
CASE WHEN unconnected_hour - :hour BETWEEN 0 AND :late THEN unconnected_seconds ELSE 0 END

-- name: unconnected_cost_now_part
CASE WHEN unconnected_hour - :hour BETWEEN 0 AND :late THEN unconnected_cost ELSE 0 END

-- name: within_hour_part
(:amount = 0 OR {per_hour_part} = 0 OR {spent_this_hour_part} + :amount <= {per_hour_part})

-- name: within_day_part
(:amount = 0 OR {per_day_part} = 0 OR {spent_today_part} + :amount <= {per_day_part})

-- name: within_unconnected_seconds_part
(:seconds = 0 OR {unconnected_seconds_most_part} = 0
    OR {unconnected_seconds_now_part} + :seconds <= {unconnected_seconds_most_part})

-- name: within_unconnected_cost_part
(:cost = 0 OR {unconnected_cost_most_part} = 0
    OR {unconnected_cost_now_part} + :cost <= {unconnected_cost_most_part})

-- name: spend_counted_part
    spent_in_hour = {spent_this_hour_part} + :amount,
    spent_hour = CASE WHEN spent_hour - :hour BETWEEN 0 AND :late THEN spent_hour ELSE :hour END,
    spent_in_day = {spent_today_part} + :amount,
    spent_day = CASE WHEN spent_day - :day BETWEEN 0 AND :late THEN spent_day ELSE :day END

-- name: unconnected_counted_part
    unconnected_seconds = {unconnected_seconds_now_part} + :seconds,
    unconnected_cost = {unconnected_cost_now_part} + :cost,
    unconnected_hour = CASE WHEN unconnected_hour - :hour BETWEEN 0 AND :late THEN unconnected_hour
        ELSE :hour END

-- name: count_spend
UPDATE accounts SET {spend_counted_part} WHERE id = :account

-- name: take_spend
UPDATE accounts SET {spend_counted_part}, {unconnected_counted_part}
WHERE id = :account
    AND {within_hour_part}
    AND {within_day_part}
    AND {within_unconnected_seconds_part}
    AND {within_unconnected_cost_part}
RETURNING id

-- name: which_guard
SELECT {within_hour_part}, {within_day_part}, {within_unconnected_seconds_part}, {within_unconnected_cost_part}
FROM accounts WHERE id = :account

-- name: give_back_spend
UPDATE accounts SET
    spent_in_hour = CASE WHEN spent_hour <> :hour THEN spent_in_hour
        WHEN spent_in_hour > :amount THEN spent_in_hour - :amount ELSE 0 END,
    spent_in_day = CASE WHEN spent_day <> :day THEN spent_in_day
        WHEN spent_in_day > :amount THEN spent_in_day - :amount ELSE 0 END
WHERE id = :account

-- name: count_unconnected
UPDATE accounts SET {unconnected_counted_part} WHERE id = :account

-- name: give_back_unconnected
UPDATE accounts SET
    unconnected_seconds = CASE WHEN unconnected_hour <> :hour THEN unconnected_seconds
        WHEN unconnected_seconds > :seconds THEN unconnected_seconds - :seconds ELSE 0 END,
    unconnected_cost = CASE WHEN unconnected_hour <> :hour THEN unconnected_cost
        WHEN unconnected_cost > :cost THEN unconnected_cost - :cost ELSE 0 END
WHERE id = :account

-- name: held_for
SELECT COALESCE(-SUM(points + bonus), 0), COALESCE(MAX(at), 0)
FROM ledger WHERE call = :call AND kind = 'hold'

-- name: service_ceilings
INSERT INTO service_ceilings (id, spend_per_hour, spend_per_day, unconnected_seconds_per_hour,
    unconnected_cost_per_hour)
VALUES (1, :spend_per_hour, :spend_per_day, :unconnected_seconds_per_hour,
    :unconnected_cost_per_hour)
ON CONFLICT (id) DO UPDATE SET
    spend_per_hour = excluded.spend_per_hour,
    spend_per_day = excluded.spend_per_day,
    unconnected_seconds_per_hour = excluded.unconnected_seconds_per_hour,
    unconnected_cost_per_hour = excluded.unconnected_cost_per_hour

-- name: guard_overrides
SELECT refuse_prefixes, allow_prefixes, countries, unknown_regions, max_rate, spend_per_hour,
    spend_per_day, unconnected_seconds_per_hour, unconnected_cost_per_hour
FROM accounts WHERE id = :account

-- name: set_guard_overrides
UPDATE accounts SET refuse_prefixes = :refuse_prefixes, allow_prefixes = :allow_prefixes,
    countries = :countries, unknown_regions = :unknown_regions, max_rate = :max_rate,
    spend_per_hour = :spend_per_hour, spend_per_day = :spend_per_day,
    unconnected_seconds_per_hour = :unconnected_seconds_per_hour,
    unconnected_cost_per_hour = :unconnected_cost_per_hour
WHERE id = :account

-- name: guard_usage
SELECT {spent_this_hour_part}, {spent_today_part}, {unconnected_seconds_now_part}, {unconnected_cost_now_part}
FROM accounts WHERE id = :account
