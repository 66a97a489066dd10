-- A node that stops gives back the endpoints that it alone sends to.
CREATE INDEX endpoints_leased ON endpoints (lease_owner) WHERE lease_owner IS NOT NULL;
