-- name: account_columns
accounts.id, accounts.name, accounts.currency, accounts.number, accounts.points, accounts.bonus,
accounts.concurrent_calls, accounts.requests_per_minute, accounts.calls_per_minute,
accounts.minute_began, accounts.minute_calls, accounts.trial

-- name: application
SELECT
    applications.id, app_id, sealed_token,
    CASE WHEN former_token_until > :now THEN former_token END, revoked, {account_columns}
FROM applications JOIN accounts ON accounts.id = applications.account
WHERE app_id = :app_id

-- name: numbers_of
SELECT number FROM numbers WHERE account = :account ORDER BY number

-- name: add_account
INSERT INTO accounts (name, currency, number, created_at)
VALUES (:name, :currency, :number, :now)
ON CONFLICT (name) DO NOTHING
RETURNING id

-- name: account_by_id
SELECT {account_columns} FROM accounts WHERE id = :id

-- name: account_by_name
SELECT {account_columns} FROM accounts WHERE name = :name

-- name: accounts
SELECT {account_columns} FROM accounts ORDER BY id

-- name: add_application
INSERT INTO applications (account, app_id, sealed_token, sealed_secret, created_at)
VALUES (:account, :app_id, :sealed_token, :sealed_secret, :now)
ON CONFLICT (app_id) DO NOTHING
RETURNING id
