-- What has ended never changes again, so it is read without a lock and only written under one.

-- name: ended_calls
SELECT id, dest1, dest2, tag, room, notify_url, state FROM calls
WHERE id > :after AND live = 0 AND date < :before
ORDER BY id LIMIT :limit

-- name: mask_call
UPDATE calls
SET dest1 = :dest1, dest2 = :dest2, tag = :tag, room = :room, notify_url = :notify_url,
    state = :state
WHERE id = :id AND live = 0

-- name: finished_notifications
SELECT notifications.id, url, body, receiver
FROM notifications JOIN calls ON calls.id = notifications.call
WHERE notifications.id > :after AND notifications.state <> 'pending' AND live = 0 AND date < :before
ORDER BY notifications.id LIMIT :limit

-- name: mask_notification
UPDATE notifications SET url = :url, body = :body, receiver = :receiver, masked = 1
WHERE id = :id AND state <> 'pending'
