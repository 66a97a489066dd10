-- The life of a connection's credentials: who refreshes them, since when, what came of it, and when they are due next.
-- Times are milliseconds since the Unix epoch, by the database's clock.

-- When they are refreshed whether anybody asks or not; none where nothing can be.
ALTER TABLE connections ADD COLUMN refresh_due_at BIGINT;
-- Which node refreshes them now, and until when no other may.
ALTER TABLE connections ADD COLUMN refresh_lease_owner {TEXT};
ALTER TABLE connections ADD COLUMN refresh_lease_until BIGINT NOT NULL DEFAULT 0;
-- The intent: a refresh was begun then, and nobody has recorded whether the provider has granted it.
ALTER TABLE connections ADD COLUMN refresh_begun_at BIGINT;
-- Refreshes in a row that gave nothing, the code of the last, and before when none is tried again.
ALTER TABLE connections ADD COLUMN refresh_failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN refresh_error {TEXT};
ALTER TABLE connections ADD COLUMN refresh_not_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN refreshed_at BIGINT;
CREATE INDEX connections_to_refresh ON connections (refresh_due_at) WHERE refresh_due_at IS NOT NULL;

-- What is older is looked at within a week: those that cannot be refreshed are then left alone.
UPDATE connections SET refresh_due_at = updated_at + 604800000 WHERE status = 'valid' AND auth_kind = 'oauth2_code';
