-- What an account has of its own in place of the service's guards against toll fraud: NULL is the
-- service's. Lists are separated by spaces; a ceiling of 0 is none.

ALTER TABLE accounts ADD COLUMN refuse_prefixes TEXT;
ALTER TABLE accounts ADD COLUMN allow_prefixes TEXT;
ALTER TABLE accounts ADD COLUMN countries TEXT;
ALTER TABLE accounts ADD COLUMN unknown_regions INTEGER;
ALTER TABLE accounts ADD COLUMN max_rate BIGINT CHECK (max_rate >= 0);
ALTER TABLE accounts ADD COLUMN spend_per_hour BIGINT CHECK (spend_per_hour >= 0);
ALTER TABLE accounts ADD COLUMN spend_per_day BIGINT CHECK (spend_per_day >= 0);
ALTER TABLE accounts ADD COLUMN unconnected_seconds_per_hour BIGINT
    CHECK (unconnected_seconds_per_hour >= 0);
ALTER TABLE accounts ADD COLUMN unconnected_cost_per_hour BIGINT
    CHECK (unconnected_cost_per_hour >= 0);

-- What was spent in the hour and the day that are numbered here, held money included.
ALTER TABLE accounts ADD COLUMN spent_hour BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN spent_in_hour BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN spent_day BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN spent_in_day BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN unconnected_hour BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN unconnected_seconds BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN unconnected_cost BIGINT NOT NULL DEFAULT 0;

-- The service's own ceilings, written by it when it starts; one row at most.
CREATE TABLE service_ceilings (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    spend_per_hour BIGINT NOT NULL,
    spend_per_day BIGINT NOT NULL,
    unconnected_seconds_per_hour BIGINT NOT NULL,
    unconnected_cost_per_hour BIGINT NOT NULL
);
