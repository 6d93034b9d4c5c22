-- When the billed talk of a call began; NULL while it has not, or if nobody talked. A call that is up
-- gets it with its next step; of one that had ended before, only its state tells, so it stays NULL.

ALTER TABLE calls ADD COLUMN answered_at BIGINT;
