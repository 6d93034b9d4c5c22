-- The most that a call-back may run up while its dest1 is up without its dest2: counted from its
-- admission on, and until it has ended.

ALTER TABLE calls ADD COLUMN reserved_seconds BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN reserved_cost BIGINT NOT NULL DEFAULT 0;
