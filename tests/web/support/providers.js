// Providers of the tests' own. Those that answer are the sandbox in other clothes.

const about = (slug, name) =>
  `slug: ${slug}\nname: ${name}\nverticals: [crm]\ncolour: "#336699"\ndocs: https://example.com/docs\n`;

const CONSENT = `auth: oauth2_code
client: {id: sandbox}
authorization: {url: "{public_url}/sandbox/oauth/authorize"}
scopes:
  default: [{name: contacts.read}, {name: contacts.write}, {name: profile}]
`;
const IDENTITY = `identity: {request: {url: /me}, id: ["{/id}"], name: ["{/name}"], email: ["{/email}"]}\n`;

/** Nobody listens there. */
const NOWHERE = "https://localhost";

export const PROVIDERS = {
  /** Takes an account's name and a key. */
  keyed: `${about("keyed", "Keyed")}auth: api_key
credentials:
  - {name: account, label: Account, secret: false}
  - {name: api_key, label: Key}
api:
  base_url: "{public_url}/sandbox/api"
  headers: {X-Sandbox-Account: "{account}", X-Sandbox-Key: "{api_key}"}
verify:
  request: {url: /me}
  wrong_key: [401]
  missing_permission: [403]
  wrong_tenant: [404]
${IDENTITY}`,
  /** Takes a key, and a subdomain that no name server knows. */
  elsewhere: `${about("elsewhere", "Elsewhere")}auth: api_key
variables:
  - {name: subdomain, label: Your address, suffix: .elsewhere.invalid, pattern: "[a-z-]+", example: acme}
credentials:
  - {name: api_key, label: Key}
api:
  base_url: https://{subdomain}.elsewhere.invalid
  headers: {X-Key: "{api_key}"}
${IDENTITY}`,
  /** Lets people in, and then its token endpoint is not there. */
  halfway: `${about("halfway", "Halfway")}${CONSENT}token: {url: "${NOWHERE}/token"}
api: {base_url: "{public_url}/sandbox/api"}
${IDENTITY}`,
  /** Gives tokens where it is well: it can be down, see front.js. */
  shaky: `${about("shaky", "Shaky")}${CONSENT}token: {url: "{public_url}/shaky/oauth/token"}
api: {base_url: "{public_url}/sandbox/api"}
${IDENTITY}`,
  /** Takes a key where it is well. */
  shaky_key: `${about("shaky_key", "Shaky Keys")}auth: api_key
credentials:
  - {name: account, label: Account, secret: false}
  - {name: api_key, label: Key}
api:
  base_url: "{public_url}/shaky/api"
  headers: {X-Sandbox-Account: "{account}", X-Sandbox-Key: "{api_key}"}
verify: {request: {url: /me}, wrong_key: [401]}
${IDENTITY}`,
  /** Answers a code with a page for people. */
  babble: `${about("babble", "Babble")}${CONSENT}token: {url: "{public_url}/docs"}
api: {base_url: "{public_url}/sandbox/api"}
${IDENTITY}`,
};
