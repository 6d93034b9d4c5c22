-- name: add_notification
INSERT INTO notifications (call, url, body, created_at)
SELECT id, notify_url, :body, :at FROM calls WHERE id = :call

-- name: take_notifications
UPDATE notifications SET attempted = 1
WHERE attempted = 0
    AND id IN (SELECT id FROM notifications WHERE attempted = 0 ORDER BY id LIMIT :limit)
RETURNING id

-- name: delivery
SELECT notifications.id, ref, url, body, app_id, sealed_token
FROM notifications
JOIN calls ON calls.id = notifications.call
JOIN applications ON applications.id = calls.application
WHERE notifications.id = :id

-- name: note_outcome
UPDATE notifications SET outcome = :outcome WHERE id = :id
