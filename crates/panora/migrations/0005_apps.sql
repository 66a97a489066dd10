-- A project's own OAuth apps, and what `panora doctor` remembers of each provider.

-- The app of which a project wants its connections made. Falls back to the configuration's where there is none.
CREATE TABLE provider_apps (
    id_project {ID} NOT NULL REFERENCES projects (id),
    provider_slug {TEXT} NOT NULL,
    -- None where the provider has settings of the integrator, but no OAuth client.
    client_id {TEXT},
    -- JSON list; none for the file's own.
    scopes {TEXT},
    -- The answers to what the file asks the integrator: JSON, sealed.
    settings {BLOB} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id_project, provider_slug)
);

-- The secrets of these apps, former ones too while a standing connection was made with them.
CREATE TABLE provider_clients (
    id_project {ID} NOT NULL REFERENCES projects (id),
    provider_slug {TEXT} NOT NULL,
    client_id {TEXT} NOT NULL,
    -- None of a public client.
    secret {BLOB},
    -- Since when it is no longer the one in force.
    retired_at BIGINT,
    -- Since when no standing connection needs it either.
    unused_since BIGINT,
    PRIMARY KEY (id_project, provider_slug, client_id)
);
CREATE INDEX provider_clients_retired ON provider_clients (retired_at) WHERE retired_at IS NOT NULL;
-- By which it is known whether one is needed, and what doctor looks at.
CREATE INDEX connections_of_provider ON connections (id_project, provider_slug, id);
CREATE INDEX connections_of_client ON connections (id_project, provider_slug, client_id)
    WHERE status <> 'revoked' AND client_id IS NOT NULL;

-- Flows and requests that failed, counted: at most 30 rows a provider of a project.
CREATE TABLE provider_troubles (
    id_project {ID} NOT NULL REFERENCES projects (id),
    provider_slug {TEXT} NOT NULL,
    -- Who says so: `flow` (our own code), or the provider at its `authorization` or `token` endpoint.
    place {TEXT} NOT NULL,
    code {TEXT} NOT NULL,
    times BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (id_project, provider_slug, place, code)
);
CREATE INDEX provider_troubles_by_age ON provider_troubles (last_at);

-- How long what a person has granted lived.
CREATE TABLE grant_lives (
    id_connection {ID} PRIMARY KEY,
    id_project {ID} NOT NULL,
    provider_slug {TEXT} NOT NULL,
    authorized_at BIGINT NOT NULL,
    lost_at BIGINT,
    -- The provider's error when it was lost.
    error {TEXT}
);
CREATE INDEX grant_lives_lost ON grant_lives (id_project, provider_slug, lost_at) WHERE lost_at IS NOT NULL;
CREATE INDEX grant_lives_by_loss ON grant_lives (lost_at) WHERE lost_at IS NOT NULL;

-- Who left for a provider and did not come back.
CREATE INDEX oauth_states_of_provider ON oauth_states (id_project, provider_slug, created_at);
