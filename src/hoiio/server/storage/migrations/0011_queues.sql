-- A notification that is due stands in a queue: its account's, to its receiver. One that is not due
-- yet, or is leased, stands in none, so what waits for later costs a look at the queues nothing.

ALTER TABLE notifications ADD COLUMN queue INTEGER REFERENCES accounts (id);

DROP INDEX notifications_due;

CREATE INDEX notifications_waiting ON notifications (due_at, id)
    WHERE state = 'pending' AND queue IS NULL;
CREATE INDEX notifications_queued ON notifications (queue, receiver, due_at, id)
    WHERE state = 'pending' AND queue IS NOT NULL;
