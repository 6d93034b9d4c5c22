-- name: deck_in_use
SELECT deck, starts_at FROM tariffs
WHERE currency = :currency AND starts_at <= :now
ORDER BY starts_at DESC LIMIT 1

-- name: deck_rates
SELECT prefix, rate, initial, increment, fee FROM deck_rates WHERE deck = :deck

-- name: any_tariff
SELECT currency FROM tariffs LIMIT 1

-- name: add_deck
INSERT INTO decks (id, currency, created_at, starts_at) VALUES (:id, :currency, :now, :starts_at)

-- name: add_rate
INSERT INTO deck_rates (deck, prefix, rate, initial, increment, fee)
VALUES (:deck, :prefix, :rate, :initial, :increment, :fee)

-- name: end_started
DELETE FROM tariffs WHERE currency = :currency AND starts_at <= :now RETURNING starts_at, deck

-- name: start_deck
-- Two that would start at one moment are a conflict, and so are two imports that race.
INSERT INTO tariffs (currency, starts_at, deck) VALUES (:currency, :starts_at, :deck)
ON CONFLICT (currency, starts_at) DO NOTHING
RETURNING deck

-- name: end_replaced
-- Those that a later one has replaced by now.
DELETE FROM tariffs
WHERE currency = :currency AND starts_at < (
    SELECT MAX(t.starts_at) FROM tariffs AS t WHERE t.currency = :currency AND t.starts_at <= :now)

-- name: use_since_ever
UPDATE tariffs SET starts_at = 0
WHERE currency = :currency AND starts_at > 0 AND starts_at <= :now

-- name: take_back_deck
DELETE FROM tariffs
WHERE currency = :currency AND starts_at = :starts_at AND starts_at > :now
RETURNING deck

-- name: decks_listed
SELECT decks.currency, decks.id, decks.starts_at, tariffs.starts_at,
    (SELECT count(*) FROM deck_rates WHERE deck_rates.deck = decks.id)
FROM decks JOIN tariffs ON tariffs.deck = decks.id
ORDER BY decks.currency, tariffs.starts_at

-- name: deck_rows
SELECT count(*) FROM deck_rates WHERE deck = :deck

-- name: deck_difference
-- Of the prefixes that both decks have: how many there are, and at how many another price.
SELECT count(*), count(
    CASE WHEN old.rate <> new.rate OR old.initial <> new.initial
        OR old.increment <> new.increment OR old.fee <> new.fee THEN 1 END)
FROM deck_rates AS new JOIN deck_rates AS old ON old.deck = :previous AND old.prefix = new.prefix
WHERE new.deck = :deck

-- name: stale_decks
SELECT id FROM decks
WHERE currency = :currency AND id < :deck AND id NOT IN (SELECT t.deck FROM tariffs AS t)

-- name: drop_rates
DELETE FROM deck_rates
WHERE deck = :deck
    AND prefix IN (SELECT prefix FROM deck_rates WHERE deck = :deck LIMIT :limit)
RETURNING prefix

-- name: drop_deck
DELETE FROM decks WHERE id = :deck
