-- What the server that was started last said of itself, for commands that look beside it. One row.
CREATE TABLE installation (
    name {TEXT} PRIMARY KEY,
    public_url {TEXT} NOT NULL
);
