-- What a leg costs beside its rate: the seconds that are billed first, those that each further
-- started increment bills, and a fee once. Calls keep what they were admitted with.

ALTER TABLE deck_rates ADD COLUMN initial INTEGER NOT NULL DEFAULT 60 CHECK (initial > 0);
ALTER TABLE deck_rates ADD COLUMN increment INTEGER NOT NULL DEFAULT 60 CHECK (increment > 0);
ALTER TABLE deck_rates ADD COLUMN fee BIGINT NOT NULL DEFAULT 0 CHECK (fee >= 0);

ALTER TABLE calls ADD COLUMN initial1 INTEGER NOT NULL DEFAULT 60;
ALTER TABLE calls ADD COLUMN increment1 INTEGER NOT NULL DEFAULT 60;
ALTER TABLE calls ADD COLUMN fee1 BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN initial2 INTEGER NOT NULL DEFAULT 60;
ALTER TABLE calls ADD COLUMN increment2 INTEGER NOT NULL DEFAULT 60;
ALTER TABLE calls ADD COLUMN fee2 BIGINT NOT NULL DEFAULT 0;
