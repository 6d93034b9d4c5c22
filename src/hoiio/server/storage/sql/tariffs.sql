-- name: deck_in_use
SELECT deck FROM tariffs WHERE currency = :currency

-- name: deck_rates
SELECT prefix, rate, initial, increment, fee FROM deck_rates WHERE deck = :deck

-- name: any_tariff
SELECT currency FROM tariffs LIMIT 1

-- name: add_deck
INSERT INTO decks (id, currency, created_at) VALUES (:id, :currency, :now)

-- name: add_rate
INSERT INTO deck_rates (deck, prefix, rate, initial, increment, fee)
VALUES (:deck, :prefix, :rate, :initial, :increment, :fee)

-- name: use_deck
INSERT INTO tariffs (currency, deck) VALUES (:currency, :deck)
ON CONFLICT (currency) DO UPDATE SET deck = excluded.deck
WHERE tariffs.deck < excluded.deck AND tariffs.deck = :previous
RETURNING deck

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
SELECT id FROM decks WHERE currency = :currency AND id < :deck

-- name: drop_rates
DELETE FROM deck_rates
WHERE deck = :deck
    AND prefix IN (SELECT prefix FROM deck_rates WHERE deck = :deck LIMIT :limit)
RETURNING prefix

-- name: drop_deck
DELETE FROM decks WHERE id = :deck
