-- ============================================================ keys of the HTTP API

-- insert_api_key --
INSERT INTO api_key (key_id, tenant, region, name, scopes, digest, made_at, made_by, expires_at)
VALUES (:key, :tenant, :region, :name, :scopes, :digest, :now, :by, :expires_at);

-- api_key_named --
SELECT * FROM api_key WHERE tenant = :tenant AND key_id = :key;

-- api_keys --
SELECT * FROM api_key WHERE tenant = :tenant ORDER BY made_at DESC, key_id;

-- revoke_api_key --
UPDATE api_key SET revoked_at = :now WHERE tenant = :tenant AND key_id = :key AND revoked_at IS NULL;

-- touch_api_key --
UPDATE api_key SET used_at = :hour
 WHERE tenant = :tenant AND key_id = :key AND (used_at IS NULL OR used_at < :hour);
