-- The key's row is taken before anything else of an admission: a second request with the same key
-- waits for the first one's transaction here, and then reads what it was answered.

-- name: take_key
INSERT INTO idempotency_keys (application, endpoint, name, fingerprint, created_at)
VALUES (:application, :endpoint, :name, :fingerprint, :now)
ON CONFLICT (application, endpoint, name) DO NOTHING
RETURNING id

-- name: key
SELECT fingerprint, refs, room FROM idempotency_keys
WHERE application = :application AND endpoint = :endpoint AND name = :name

-- name: answer_key
UPDATE idempotency_keys SET refs = :refs, room = :room WHERE id = :id RETURNING id

-- name: drop_old_keys
DELETE FROM idempotency_keys WHERE id IN (
    SELECT id FROM idempotency_keys WHERE created_at < :before ORDER BY created_at LIMIT :most
)
