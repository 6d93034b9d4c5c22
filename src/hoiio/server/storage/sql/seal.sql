-- name: seal
SELECT sealed FROM seals WHERE id = 1

-- name: add_seal
INSERT INTO seals (id, sealed) VALUES (1, :sealed) ON CONFLICT (id) DO NOTHING

-- name: sealed_tokens
SELECT sealed_token, app_id FROM applications ORDER BY id
