-- name: beat
INSERT INTO heartbeats (node, at) VALUES (:node, :at)
ON CONFLICT (node) DO UPDATE
SET at = excluded.at

-- name: last_beat
SELECT max(at) FROM heartbeats
