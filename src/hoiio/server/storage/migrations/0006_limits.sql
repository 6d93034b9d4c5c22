-- How much an account may ask for in a minute, and the minute of its calls: when the first call of
-- it was admitted, and how many were since.

ALTER TABLE accounts ADD COLUMN requests_per_minute INTEGER NOT NULL DEFAULT 60
    CHECK (requests_per_minute > 0);
ALTER TABLE accounts ADD COLUMN calls_per_minute INTEGER NOT NULL DEFAULT 60
    CHECK (calls_per_minute > 0);
ALTER TABLE accounts ADD COLUMN minute_began BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN minute_calls INTEGER NOT NULL DEFAULT 0 CHECK (minute_calls >= 0);

-- A trial account may call its own numbers only.
ALTER TABLE accounts ADD COLUMN trial INTEGER NOT NULL DEFAULT 0 CHECK (trial IN (0, 1));
