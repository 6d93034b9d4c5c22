-- From when on a deck is used: of a currency's decks that have started, the latest. The oldest one
-- that is kept is used since ever, whatever its real start, which the deck itself remembers.

ALTER TABLE decks ADD COLUMN starts_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE deck_starts (
    currency TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    deck INTEGER NOT NULL UNIQUE REFERENCES decks (id),
    PRIMARY KEY (currency, starts_at)
);

INSERT INTO deck_starts (currency, starts_at, deck) SELECT currency, 0, deck FROM tariffs;

DROP TABLE tariffs;

ALTER TABLE deck_starts RENAME TO tariffs;

UPDATE decks SET starts_at = created_at;
