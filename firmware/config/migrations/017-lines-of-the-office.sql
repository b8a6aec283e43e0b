-- Lines to other boxes of the office are told who answers: the column follows firmware/config/schema/routing.ts.
ALTER TABLE lines ADD COLUMN identity_trusted INTEGER NOT NULL DEFAULT 0 CHECK (identity_trusted IN (0, 1));
-- Nothing ever asked for an authorization code: a short code that wanted one was refused. It stays so.
UPDATE short_codes SET feature = 'barred' WHERE force_authorization = 1;
UPDATE user_short_codes SET feature = 'barred' WHERE force_authorization = 1;
UPDATE user_rights_short_codes SET feature = 'barred' WHERE force_authorization = 1;
ALTER TABLE short_codes DROP COLUMN force_authorization;
ALTER TABLE user_short_codes DROP COLUMN force_authorization;
ALTER TABLE user_rights_short_codes DROP COLUMN force_authorization;
