-- Notifications are attempted until they arrive or are given up, each attempt on record; and
-- applications have a signing secret and may keep a former one, or a former token, for a while.
-- Those of before have no signing secret until the operator gives them one.

ALTER TABLE notifications ADD COLUMN receiver TEXT;
ALTER TABLE notifications ADD COLUMN state TEXT NOT NULL DEFAULT 'pending'
    CHECK (state IN ('pending', 'delivered', 'failed'));
ALTER TABLE notifications ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notifications ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notifications ADD COLUMN lease BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notifications ADD COLUMN masked INTEGER NOT NULL DEFAULT 0;

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    notification INTEGER NOT NULL REFERENCES notifications (id),
    at BIGINT NOT NULL,
    took BIGINT NOT NULL,
    status INTEGER,
    reason TEXT NOT NULL
);

CREATE INDEX attempts_by_notification ON attempts (notification, id);

-- What an earlier version attempted, it attempted once; it stays as it ended.
INSERT INTO attempts (notification, at, took, status, reason)
SELECT
    id,
    created_at,
    0,
    CASE WHEN length(outcome) = 3 THEN CAST(outcome AS INTEGER) END,
    CASE WHEN length(outcome) = 3 THEN '' ELSE outcome END
FROM notifications WHERE attempted = 1 AND outcome IS NOT NULL;

UPDATE notifications
SET tries = 1, state = CASE WHEN outcome LIKE '2__' THEN 'delivered' ELSE 'failed' END
WHERE attempted = 1;

UPDATE notifications SET masked = 1 WHERE body LIKE '%***%';

DROP INDEX notifications_due;
ALTER TABLE notifications DROP COLUMN attempted;
ALTER TABLE notifications DROP COLUMN outcome;

CREATE INDEX notifications_due ON notifications (receiver, due_at, id) WHERE state = 'pending';

ALTER TABLE applications ADD COLUMN sealed_secret BYTEA;
ALTER TABLE applications ADD COLUMN former_secret BYTEA;
ALTER TABLE applications ADD COLUMN former_secret_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE applications ADD COLUMN former_token BYTEA;
ALTER TABLE applications ADD COLUMN former_token_until BIGINT NOT NULL DEFAULT 0;
