-- The delivery engine: endpoints have a state, deliveries are found by endpoint, and whoever asks again is remembered.
-- Times are milliseconds since the Unix epoch; 9223372036854775807 stands for "never".

-- Grows with every change of one of the project's endpoints, so that nodes know when to read them again.
ALTER TABLE projects ADD COLUMN endpoints_version BIGINT NOT NULL DEFAULT 0;
-- Up to that version rows of deleted endpoints are gone: a node that has read an older one reads all of them again.
ALTER TABLE projects ADD COLUMN endpoints_forgotten BIGINT NOT NULL DEFAULT 0;

-- What a person has set is above; from here on is what the engine knows of an endpoint.
ALTER TABLE endpoints ADD COLUMN status {TEXT} NOT NULL DEFAULT 'ok';
UPDATE endpoints SET status = 'inactive' WHERE active = 0;
ALTER TABLE endpoints DROP COLUMN active;
-- The project's `endpoints_version` when this one was changed last.
ALTER TABLE endpoints ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
-- Failed attempts in a row, and since when.
ALTER TABLE endpoints ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoints ADD COLUMN failing_since BIGINT;
ALTER TABLE endpoints ADD COLUMN last_success_at BIGINT;
ALTER TABLE endpoints ADD COLUMN held_since BIGINT;
ALTER TABLE endpoints ADD COLUMN failed_probes BIGINT NOT NULL DEFAULT 0;
-- Answers in a row that asked to wait.
ALTER TABLE endpoints ADD COLUMN pauses BIGINT NOT NULL DEFAULT 0;
-- Nothing is sent before: the next probe of a held one, the end of a pause.
ALTER TABLE endpoints ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0;
-- Deliveries a second at that moment; doubled after each second since.
ALTER TABLE endpoints ADD COLUMN drain_rate BIGINT NOT NULL DEFAULT 1;
ALTER TABLE endpoints ADD COLUMN drain_since BIGINT NOT NULL DEFAULT 0;
-- Deliveries scheduled before this release are due at once.
ALTER TABLE endpoints ADD COLUMN release_number BIGINT NOT NULL DEFAULT 0;
-- When the engine must look at the endpoint's deliveries next.
ALTER TABLE endpoints ADD COLUMN look_at BIGINT NOT NULL DEFAULT 0;
-- How often deliveries that a node may have in hand were cancelled: whoever sends compares it first.
ALTER TABLE endpoints ADD COLUMN withdrawals BIGINT NOT NULL DEFAULT 0;
-- Which node alone sends to it, where only one may.
ALTER TABLE endpoints ADD COLUMN lease_owner {TEXT};
ALTER TABLE endpoints ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX endpoints_to_look_at ON endpoints (look_at) WHERE deleted_at IS NULL;
-- Deleted ones where something may be left to cancel.
CREATE INDEX endpoints_to_clear ON endpoints (look_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX endpoints_by_version ON endpoints (id_project, version);
CREATE INDEX endpoints_deleted ON endpoints (deleted_at) WHERE deleted_at IS NOT NULL;

-- Which types an endpoint took, from the event after that position on. Nothing once deleted.
CREATE TABLE endpoint_scopes (
    id_endpoint {ID} NOT NULL,
    id_project {ID} NOT NULL,
    after_position BIGINT NOT NULL,
    scope {TEXT} NOT NULL,
    PRIMARY KEY (id_endpoint, after_position)
);
CREATE INDEX endpoint_scopes_of_project ON endpoint_scopes (id_project, id_endpoint, after_position);
INSERT INTO endpoint_scopes (id_endpoint, id_project, after_position, scope)
    SELECT e.id, e.id_project, p.last_position, CASE WHEN e.deleted_at IS NULL THEN e.scope ELSE '[]' END
    FROM endpoints e JOIN projects p ON p.id = e.id_project;

CREATE TABLE new_events (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL,
    -- None of a test, which is no part of the project's history.
    position BIGINT,
    type {TEXT} NOT NULL,
    id_linked_user {ID},
    -- The endpoint that it tells of, which does not get it.
    about_endpoint {ID},
    created_at BIGINT NOT NULL,
    -- The canonical envelope, sealed: the bytes that every attempt sends. None once the person was erased.
    body {BLOB},
    UNIQUE (id_project, position)
);
INSERT INTO new_events (id, id_project, position, type, id_linked_user, created_at, body)
    SELECT id, id_project, position, type, id_linked_user, created_at, body FROM events;
DROP TABLE events;
ALTER TABLE new_events RENAME TO events;
CREATE INDEX events_of_linked_user ON events (id_project, id_linked_user, position) WHERE id_linked_user IS NOT NULL;

CREATE TABLE new_deliveries (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL,
    id_event {ID} NOT NULL,
    id_endpoint {ID} NOT NULL,
    state {TEXT} NOT NULL,
    -- Why it failed or was cancelled.
    cause {TEXT},
    tries BIGINT NOT NULL,
    probes BIGINT NOT NULL,
    -- When the first of its tries ended.
    first_try_at BIGINT,
    -- Not sent before. While somebody sends it, that is the end of the lease.
    due_at BIGINT NOT NULL,
    -- The endpoint's release when `due_at` was written.
    release_number BIGINT NOT NULL,
    lease_owner {TEXT},
    created_at BIGINT NOT NULL,
    -- When a recovery gave it a full schedule again.
    restarted_at BIGINT,
    ended_at BIGINT,
    UNIQUE (id_event, id_endpoint)
);
INSERT INTO new_deliveries (id, id_project, id_event, id_endpoint, state, tries, probes, due_at, release_number,
        created_at, ended_at)
    SELECT id, id_project, id_event, id_endpoint, state, tries, 0, due_at, 0, created_at, ended_at FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE new_deliveries RENAME TO deliveries;
CREATE INDEX deliveries_due ON deliveries (id_endpoint, due_at) WHERE state = 'open';
CREATE INDEX deliveries_open ON deliveries (id_endpoint, id) WHERE state = 'open';
CREATE INDEX deliveries_ended ON deliveries (id_endpoint, state, id) WHERE state <> 'open';

-- `try`, `probe`, `resend` or `test`.
ALTER TABLE attempts ADD COLUMN kind {TEXT} NOT NULL DEFAULT 'try';

-- Single attempts that were asked for: they use no try and do not mind the endpoint's state.
CREATE TABLE resends (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL,
    id_delivery {ID} NOT NULL,
    id_endpoint {ID} NOT NULL,
    kind {TEXT} NOT NULL,
    -- Not sent before; the end of the lease while somebody sends it.
    due_at BIGINT NOT NULL,
    lease_owner {TEXT},
    created_at BIGINT NOT NULL
);
CREATE INDEX resends_due ON resends (due_at);
CREATE INDEX resends_of_endpoint ON resends (id_endpoint, id_delivery);

-- Deliveries of an endpoint that somebody wants sent again, taken step by step along the positions of events.
CREATE TABLE recoveries (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL,
    id_endpoint {ID} NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT,
    types {TEXT} NOT NULL,
    statuses {TEXT} NOT NULL,
    -- Deliveries a second.
    rate BIGINT NOT NULL,
    state {TEXT} NOT NULL,
    -- Looked at up to here.
    position BIGINT NOT NULL,
    last_position BIGINT NOT NULL,
    recovered BIGINT NOT NULL,
    -- When the next step may be made.
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX recoveries_due ON recoveries (due_at) WHERE state = 'running';
CREATE INDEX recoveries_of_endpoint ON recoveries (id_project, id_endpoint, id);

-- Of deliveries that expired one event an hour and endpoint tells; this is what the next one has to count, and when.
CREATE TABLE expiries (
    id_endpoint {ID} PRIMARY KEY,
    id_project {ID} NOT NULL,
    count BIGINT NOT NULL,
    tell_at BIGINT NOT NULL
);
CREATE INDEX expiries_due ON expiries (tell_at);
