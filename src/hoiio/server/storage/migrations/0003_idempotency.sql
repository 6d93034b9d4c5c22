-- A request that placed calls under a key of its sender's: what it asked, as a hash, and what it was
-- answered. Written with the calls themselves.

CREATE TABLE idempotency_keys (
    id INTEGER PRIMARY KEY,
    application INTEGER NOT NULL REFERENCES applications (id),
    endpoint TEXT NOT NULL,
    name TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    refs TEXT NOT NULL DEFAULT '',
    room TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    UNIQUE (application, endpoint, name)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
