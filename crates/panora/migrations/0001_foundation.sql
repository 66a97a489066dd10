-- One text for both databases. {ID}, {BLOB} and {TEXT} are filled in by store/migrations.rs:
-- ids compare byte by byte, whatever the database's collation.
-- Times are milliseconds since the Unix epoch; booleans are 0 and 1; lists and objects are JSON text.

-- One row: a random secret from which HMAC keys are derived. A node that cannot open it has other keys.
CREATE TABLE vault_root (
    name {TEXT} PRIMARY KEY,
    sealed {BLOB} NOT NULL
);

CREATE TABLE projects (
    id {ID} PRIMARY KEY,
    -- What the command line calls it; never changes. `name` is what people read.
    handle {TEXT} NOT NULL UNIQUE,
    name {TEXT} NOT NULL,
    logo_url {TEXT},
    color {TEXT},
    support_email {TEXT},
    privacy_url {TEXT},
    allowed_origins {TEXT} NOT NULL,
    return_urls {TEXT} NOT NULL,
    hand_over BIGINT NOT NULL,
    -- The last event position given out; incremented as the first lock of a publishing transaction.
    last_position BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL REFERENCES projects (id),
    name {TEXT} NOT NULL,
    token_hash {BLOB} NOT NULL UNIQUE,
    ending {TEXT} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX api_keys_of_project ON api_keys (id_project, id);

-- Found by its project and id, listed by its project: one index for both.
CREATE TABLE linked_users (
    id {ID} NOT NULL,
    id_project {ID} NOT NULL REFERENCES projects (id),
    origin_id {TEXT} NOT NULL,
    alias {TEXT} NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id_project, id),
    UNIQUE (id_project, origin_id)
);

CREATE TABLE magic_links (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL REFERENCES projects (id),
    id_linked_user {ID} NOT NULL,
    token_hash {BLOB} NOT NULL UNIQUE,
    email {TEXT},
    providers {TEXT} NOT NULL,
    verticals {TEXT} NOT NULL,
    id_connection {ID},
    return_url {TEXT},
    locale {TEXT},
    metadata {TEXT} NOT NULL,
    single_use BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    life_ms BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX magic_links_of_project ON magic_links (id_project, id);
CREATE INDEX magic_links_of_linked_user ON magic_links (id_project, id_linked_user);

CREATE TABLE magic_link_steps (
    id {ID} PRIMARY KEY,
    id_magic_link {ID} NOT NULL REFERENCES magic_links (id),
    id_project {ID} NOT NULL,
    step {TEXT} NOT NULL,
    at BIGINT NOT NULL,
    detail {TEXT}
);
CREATE INDEX magic_link_steps_of_link ON magic_link_steps (id_magic_link, at);

-- One browser's walk through the connect page.
CREATE TABLE flows (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL REFERENCES projects (id),
    id_magic_link {ID} NOT NULL REFERENCES magic_links (id),
    cookie_hash {BLOB} NOT NULL,
    -- Answers to a provider's questions, by provider slug: JSON, sealed.
    answers {BLOB},
    -- Credentials tried and refused so far.
    tries BIGINT NOT NULL,
    id_connection {ID},
    renewed BIGINT NOT NULL,
    finished_at BIGINT,
    -- Set when the link's URL was replaced or the link revoked.
    ended_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX flows_of_magic_link ON flows (id_magic_link, id);
CREATE INDEX flows_by_age ON flows (created_at);

CREATE TABLE oauth_states (
    state_hash {BLOB} PRIMARY KEY,
    id_project {ID} NOT NULL REFERENCES projects (id),
    id_flow {ID} NOT NULL REFERENCES flows (id),
    provider_slug {TEXT} NOT NULL,
    -- PKCE verifier, variables, scopes asked for: JSON, sealed.
    context {BLOB} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX oauth_states_of_flow ON oauth_states (id_flow);
CREATE INDEX oauth_states_by_age ON oauth_states (created_at);

CREATE TABLE connections (
    id {ID} NOT NULL,
    id_project {ID} NOT NULL REFERENCES projects (id),
    id_linked_user {ID} NOT NULL,
    provider_slug {TEXT} NOT NULL,
    vertical {TEXT} NOT NULL,
    status {TEXT} NOT NULL,
    token_type {TEXT} NOT NULL,
    auth_kind {TEXT} NOT NULL,
    account_id {TEXT},
    account_name {TEXT},
    account_email {TEXT},
    account_url {TEXT} NOT NULL,
    scopes {TEXT} NOT NULL,
    missing_scopes {TEXT} NOT NULL,
    expires_at BIGINT,
    metadata {TEXT} NOT NULL,
    client_id {TEXT},
    token_hash {BLOB} NOT NULL UNIQUE,
    token_sealed {BLOB} NOT NULL,
    -- Secrets and variables: JSON, sealed; none once revoked.
    credentials {BLOB},
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id_project, id)
);
-- Of two flows that race for the same account, this decides.
CREATE UNIQUE INDEX connections_standing ON connections (id_project, id_linked_user, provider_slug, account_id)
    WHERE status <> 'revoked' AND account_id IS NOT NULL;
CREATE INDEX connections_of_linked_user ON connections (id_project, id_linked_user, id);
CREATE INDEX connections_of_account ON connections (provider_slug, account_id);

-- The top-level metadata by which connections are filtered.
CREATE TABLE connection_metadata (
    id_connection {ID} NOT NULL,
    id_project {ID} NOT NULL,
    name {TEXT} NOT NULL,
    value {TEXT} NOT NULL,
    PRIMARY KEY (id_connection, name),
    FOREIGN KEY (id_project, id_connection) REFERENCES connections (id_project, id)
);
CREATE INDEX connection_metadata_by_value ON connection_metadata (id_project, name, value, id_connection);

CREATE TABLE provider_settings (
    id_project {ID} NOT NULL REFERENCES projects (id),
    provider_slug {TEXT} NOT NULL,
    enabled BIGINT NOT NULL,
    PRIMARY KEY (id_project, provider_slug)
);

CREATE TABLE endpoints (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL REFERENCES projects (id),
    url {TEXT} NOT NULL,
    description {TEXT} NOT NULL,
    scope {TEXT} NOT NULL,
    active BIGINT NOT NULL,
    rate_limit BIGINT,
    retry_schedule {TEXT} NOT NULL,
    headers {BLOB},
    secret {BLOB} NOT NULL,
    previous_secret {BLOB},
    previous_secret_until BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX endpoints_of_project ON endpoints (id_project, id);

-- No foreign keys from here to the attempts: they would cost a look-up for each row of the delivery path.
CREATE TABLE events (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL,
    position BIGINT NOT NULL,
    type {TEXT} NOT NULL,
    id_linked_user {ID},
    created_at BIGINT NOT NULL,
    -- The canonical envelope, sealed: the bytes that every attempt sends. None once the person was erased.
    body {BLOB},
    UNIQUE (id_project, position)
);
CREATE INDEX events_of_linked_user ON events (id_project, id_linked_user);

CREATE TABLE deliveries (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL,
    id_event {ID} NOT NULL,
    id_endpoint {ID} NOT NULL,
    state {TEXT} NOT NULL,
    tries BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    -- Who sends it now, and until when nobody else may.
    lease_owner {TEXT},
    lease_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    UNIQUE (id_event, id_endpoint)
);
CREATE INDEX deliveries_due ON deliveries (due_at, id_endpoint) WHERE state = 'open';
CREATE INDEX deliveries_of_endpoint ON deliveries (id_endpoint, id);

CREATE TABLE attempts (
    id {ID} NOT NULL,
    id_project {ID} NOT NULL,
    id_delivery {ID} NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    -- None when no answer came.
    status BIGINT,
    error {TEXT},
    -- Address, headers, answer: JSON, sealed.
    detail {BLOB},
    PRIMARY KEY (id_delivery, id)
);

-- Work promised in a transaction and done after it, such as revoking a grant at its provider.
CREATE TABLE jobs (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL REFERENCES projects (id),
    kind {TEXT} NOT NULL,
    -- JSON, sealed.
    payload {BLOB} NOT NULL,
    tries BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    lease_owner {TEXT},
    lease_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX jobs_due ON jobs (due_at);

CREATE TABLE idempotency_records (
    id_project {ID} NOT NULL REFERENCES projects (id),
    -- HMAC of method, path and key.
    key_mac {BLOB} NOT NULL,
    -- HMAC of the request's body.
    request_mac {BLOB} NOT NULL,
    status BIGINT NOT NULL,
    -- The answer's body, sealed.
    answer {BLOB} NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id_project, key_mac)
);
CREATE INDEX idempotency_records_by_age ON idempotency_records (created_at);

-- The sandbox provider's own memory.
CREATE TABLE sandbox_grants (
    id {ID} PRIMARY KEY,
    account {TEXT} NOT NULL,
    scopes {TEXT} NOT NULL,
    troubles {TEXT} NOT NULL,
    code_hash {BLOB} UNIQUE,
    code_used_at BIGINT,
    code_challenge {TEXT},
    redirect_uri {TEXT} NOT NULL,
    access_hash {BLOB} UNIQUE,
    access_expires_at BIGINT,
    refresh_hash {BLOB} UNIQUE,
    calls BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE TABLE sandbox_contacts (
    account {TEXT} NOT NULL,
    number BIGINT NOT NULL,
    body {TEXT} NOT NULL,
    PRIMARY KEY (account, number)
);
