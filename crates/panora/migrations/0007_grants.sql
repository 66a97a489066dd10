-- By which it is known whether a standing connection lives on a grant: an OAuth client may serve several providers.
DROP INDEX connections_of_account;
CREATE INDEX connections_of_grant ON connections (client_id, account_id)
    WHERE status <> 'revoked' AND client_id IS NOT NULL;
