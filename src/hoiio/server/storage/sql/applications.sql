-- A former token or secret is kept if it is still good for a while. Once its time is over it opens and
-- signs nothing; sealed, it stays in its row until the next rotation, a former token until revocation.

-- name: rotate_token
UPDATE applications
SET former_token = CASE WHEN :until > :now THEN sealed_token END,
    former_token_until = :until,
    sealed_token = :sealed
WHERE app_id = :app_id AND revoked = 0
RETURNING id

-- name: rotate_secret
UPDATE applications
SET former_secret = CASE WHEN :until > :now THEN sealed_secret END,
    former_secret_until = :until,
    sealed_secret = :sealed
WHERE app_id = :app_id AND revoked = 0
RETURNING id

-- name: revoke
UPDATE applications SET revoked = 1, former_token = NULL WHERE app_id = :app_id RETURNING id

-- name: application_columns
app_id, applications.account, accounts.name, revoked,
CASE WHEN sealed_secret IS NULL THEN 0 ELSE 1 END,
CASE WHEN former_token IS NULL THEN 0 ELSE former_token_until END,
CASE WHEN former_secret IS NULL THEN 0 ELSE former_secret_until END,
applications.created_at

-- name: applications
SELECT {application_columns}
FROM applications JOIN accounts ON accounts.id = applications.account
WHERE :account = 0 OR applications.account = :account
ORDER BY applications.id

-- name: application_by_id
SELECT {application_columns}
FROM applications JOIN accounts ON accounts.id = applications.account
WHERE app_id = :app_id

-- name: signing_secret
SELECT sealed_secret FROM applications WHERE app_id = :app_id

-- name: application_key
SELECT id FROM applications WHERE app_id = :app_id
