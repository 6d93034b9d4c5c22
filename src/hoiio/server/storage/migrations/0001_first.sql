-- Amounts are micro-units of the account's currency, instants Unix time in microseconds.

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    currency TEXT NOT NULL,
    number TEXT,
    points BIGINT NOT NULL DEFAULT 0,
    bonus BIGINT NOT NULL DEFAULT 0,
    concurrent_calls INTEGER NOT NULL DEFAULT 8,
    live_calls INTEGER NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    CHECK (live_calls >= 0),
    CHECK (bonus BETWEEN 0 AND 1000000000000000000),
    CHECK (points BETWEEN -1000000000000000000 AND 1000000000000000000)
);

CREATE TABLE numbers (
    account INTEGER NOT NULL REFERENCES accounts (id),
    number TEXT NOT NULL,
    PRIMARY KEY (account, number)
);

CREATE TABLE applications (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    app_id TEXT NOT NULL UNIQUE,
    sealed_token BYTEA NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0,
    last_ordinal BIGINT NOT NULL DEFAULT 0,
    last_date BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);

-- A deck never changes once it is in use; a new import is a new deck that takes its place.
CREATE TABLE decks (
    id INTEGER PRIMARY KEY,
    currency TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE deck_rates (
    deck INTEGER NOT NULL REFERENCES decks (id),
    prefix TEXT NOT NULL,
    rate BIGINT NOT NULL CHECK (rate >= 0),
    PRIMARY KEY (deck, prefix)
);

CREATE TABLE tariffs (
    currency TEXT PRIMARY KEY,
    deck INTEGER NOT NULL REFERENCES decks (id)
);

-- Numbers that are given out once and never again, whatever is deleted later.
CREATE TABLE sequences (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO sequences (name, value) VALUES ('call', 1000000), ('deck', 0);

CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    ref TEXT NOT NULL GENERATED ALWAYS AS ('AA-C-' || id) STORED,
    application INTEGER NOT NULL REFERENCES applications (id),
    account INTEGER NOT NULL REFERENCES accounts (id),
    ordinal BIGINT NOT NULL,
    date BIGINT NOT NULL,
    dest1 TEXT NOT NULL,
    dest2 TEXT NOT NULL,
    status1 TEXT NOT NULL,
    status2 TEXT NOT NULL,
    room TEXT NOT NULL,
    tag TEXT NOT NULL,
    notify_url TEXT NOT NULL,
    currency TEXT NOT NULL,
    rate1 BIGINT NOT NULL,
    rate2 BIGINT NOT NULL,
    duration BIGINT,
    debit BIGINT,
    ended_at BIGINT,
    live INTEGER NOT NULL DEFAULT 1,
    state BYTEA NOT NULL,
    UNIQUE (application, ordinal)
);

CREATE INDEX calls_by_date ON calls (application, date, ordinal);
CREATE INDEX calls_live ON calls (id) WHERE live = 1;

-- What an entry is for is named by call, minute and kind, and happens once; a top-up has no call.
-- Minute 0 stands for the call as a whole.
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    call BIGINT REFERENCES calls (id),
    minute INTEGER NOT NULL DEFAULT 0,
    kind TEXT NOT NULL CHECK (kind IN ('top-up', 'hold', 'capture', 'release', 'adjustment')),
    points BIGINT NOT NULL,
    bonus BIGINT NOT NULL,
    at BIGINT NOT NULL,
    UNIQUE (call, minute, kind)
);

CREATE INDEX ledger_by_account ON ledger (account);

CREATE TABLE notifications (
    id INTEGER PRIMARY KEY,
    call BIGINT NOT NULL UNIQUE REFERENCES calls (id),
    url TEXT NOT NULL,
    body BYTEA NOT NULL,
    attempted INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    created_at BIGINT NOT NULL
);

CREATE INDEX notifications_due ON notifications (id) WHERE attempted = 0;

CREATE TABLE heartbeats (
    node TEXT PRIMARY KEY,
    at BIGINT NOT NULL
);
