-- A known text, sealed with the secret that seals everything else: by it a wrong secret is known at
-- once. One row at most; written at the first opening.

CREATE TABLE seals (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BYTEA NOT NULL
);
