-- Calls to providers that were made with a connection token: what and when, never what they carried.
CREATE TABLE requests (
    id {ID} PRIMARY KEY,
    id_project {ID} NOT NULL,
    id_connection {ID} NOT NULL,
    method {TEXT} NOT NULL,
    -- As called, without its query.
    path {TEXT} NOT NULL,
    -- The provider's. None when no answer came.
    status BIGINT,
    -- Why there was no answer, or not all of it: a stable code.
    error {TEXT},
    -- Milliseconds from the call to the end of the answer's body.
    duration_ms BIGINT NOT NULL,
    -- How often the provider was asked.
    attempts BIGINT NOT NULL,
    -- Bytes of the bodies.
    sent_bytes BIGINT NOT NULL,
    received_bytes BIGINT NOT NULL
);
CREATE INDEX requests_of_connection ON requests (id_connection, id);
