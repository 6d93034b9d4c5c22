-- A notification is pending until it is delivered or failed for good. Who takes it moves its due
-- time to when it may be taken again, and keeps that instant as its lease: a later note of what
-- came of it counts only while the lease is the same. Once it is due it is put into the queue of its
-- account to its receiver, and leaves that when it is taken: nothing in a queue is not due.

-- name: add_notification
INSERT INTO notifications (call, url, body, created_at)
SELECT id, notify_url, :body, :at FROM calls WHERE id = :call

-- name: waiting_notifications
SELECT id, url FROM notifications
WHERE state = 'pending' AND queue IS NULL AND due_at <= :now
ORDER BY due_at, id LIMIT :limit

-- name: queue_notification
UPDATE notifications
SET receiver = :receiver, queue = (SELECT account FROM calls WHERE calls.id = notifications.call)
WHERE id = :id AND state = 'pending' AND queue IS NULL AND due_at <= :now

-- name: next_queue
SELECT queue FROM notifications
WHERE state = 'pending' AND queue >= :start
ORDER BY queue LIMIT 1

-- name: next_receiver
SELECT receiver FROM notifications
WHERE state = 'pending' AND queue = :queue AND receiver > :after
ORDER BY receiver LIMIT 1

-- name: take_notifications
UPDATE notifications SET queue = NULL, due_at = :until, lease = :until
WHERE state = 'pending' AND queue = :queue
    AND id IN (
        SELECT id FROM notifications
        WHERE state = 'pending' AND queue = :queue AND receiver = :receiver
        ORDER BY due_at, id LIMIT :limit
    )
RETURNING id

-- name: delivery
SELECT
    notifications.id, ref, url, body, calls.account, receiver, tries, lease,
    app_id, sealed_token, sealed_secret,
    CASE WHEN former_secret_until > :now THEN former_secret END
FROM notifications
JOIN calls ON calls.id = notifications.call
JOIN applications ON applications.id = calls.application
WHERE notifications.id = :id

-- name: add_attempt
INSERT INTO attempts (notification, at, took, status, reason)
VALUES (:id, :at, :took, :status, :reason)

-- name: note_attempt
UPDATE notifications
SET state = :state, queue = NULL, due_at = :due_at, tries = tries + 1, lease = 0
WHERE id = :id AND state = 'pending' AND lease = :lease

-- name: put_off_notification
UPDATE notifications SET queue = NULL, due_at = :due_at, lease = 0
WHERE id = :id AND state = 'pending' AND lease = :lease

-- name: release_notifications
UPDATE notifications SET due_at = 0, lease = 0 WHERE state = 'pending' AND lease > 0

-- name: replay_notification
UPDATE notifications SET state = 'pending', queue = NULL, due_at = 0, tries = 0, lease = 0
WHERE id = :id AND masked = 0
RETURNING id

-- name: notification_columns
notifications.id, ref, app_id, calls.account, receiver, url, notifications.state, tries, due_at, lease,
notifications.created_at,
(SELECT count(*) FROM attempts WHERE notification = notifications.id), last.at, last.status,
last.reason
FROM notifications
JOIN calls ON calls.id = notifications.call
JOIN applications ON applications.id = calls.application
LEFT JOIN attempts AS last
    ON last.id = (SELECT max(id) FROM attempts WHERE notification = notifications.id)

-- name: notifications
SELECT {notification_columns}
WHERE notifications.state IN (:pending, :failed, :delivered)
    AND (:account = 0 OR calls.account = :account)
    AND (:application = 0 OR calls.application = :application)
ORDER BY notifications.id DESC LIMIT :limit

-- name: count_notifications
SELECT count(*) FROM notifications
JOIN calls ON calls.id = notifications.call
WHERE notifications.state IN (:pending, :failed, :delivered)
    AND (:account = 0 OR calls.account = :account)
    AND (:application = 0 OR calls.application = :application)

-- name: notification_by_id
SELECT {notification_columns} WHERE notifications.id = :id

-- name: notification_by_call
SELECT {notification_columns} WHERE notifications.call = :id

-- name: notification_body
SELECT body, masked FROM notifications WHERE id = :id

-- name: attempts_of
SELECT at, took, status, reason FROM attempts WHERE notification = :id ORDER BY id
