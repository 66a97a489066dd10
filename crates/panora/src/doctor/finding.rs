//! Everything that doctor can find, with what it means and how it is mended. `/docs/doctor` lists it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::text_enum;

text_enum! {
    /// Whether connecting cannot work, will trouble somebody, or is only worth knowing.
    Severity { Error = "error", Warning = "warning", Info = "info" }
}

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable.
    pub code: &'static str,
    pub severity: Severity,
    pub title: &'static str,
    /// How it comes about, and how doctor knows.
    pub meaning: &'static str,
    pub mend: &'static str,
}

/// Something that was found at one provider.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Finding {
    /// Stable; compare with this. `/docs/doctor` explains each.
    #[schema(example = "redirect_uri_refused")]
    pub code: &'static str,
    pub severity: Severity,
    #[schema(example = "The redirect URI is not registered")]
    pub title: &'static str,
    /// What was seen.
    pub seen: String,
    /// How to mend it.
    pub mend: String,
    /// Exactly what to paste; null where there is no such thing.
    #[schema(required)]
    pub value: Option<String>,
}

impl Kind {
    pub fn found(&self, seen: impl Into<String>) -> Finding {
        Finding {
            code: self.code,
            severity: self.severity,
            title: self.title,
            seen: seen.into(),
            mend: self.mend.to_owned(),
            value: None,
        }
    }
}

impl Finding {
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = mend.into();
        self
    }

    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Whether somebody should do something.
    pub fn asks_for_mending(&self) -> bool {
        self.severity != Severity::Info
    }
}

macro_rules! kinds {
    ($($name:ident = $code:literal, $severity:ident, $title:literal, $meaning:literal, $mend:literal;)*) => {
        $(pub const $name: Kind = Kind {
            code: $code,
            severity: Severity::$severity,
            title: $title,
            meaning: $meaning,
            mend: $mend,
        };)*

        /// All of them, in the order in which the documentation lists them.
        pub const KINDS: &[Kind] = &[$($name,)*];
    };
}

kinds! {
    CLIENT_MISSING = "client_missing", Error, "There is no OAuth client",
        "The provider hands out tokens to registered apps only, and neither the project nor the installation has one.",
        "Register an app at the provider with the redirect URI that doctor names, then give its id and secret to \
         PUT /providers/{slug}/app, or to the server's configuration.";
    SETTINGS_MISSING = "settings_missing", Error, "A setting of the app is missing",
        "The provider's file asks the integrator for more than a client, such as an environment or a developer token.",
        "Give it to PUT /providers/{slug}/app in `settings`.";
    REDIRECT_URI_REFUSED = "redirect_uri_refused", Error, "The redirect URI is not registered",
        "The provider compares the redirect URI letter by letter with those registered for the app. It has refused ours, \
         when doctor asked or when somebody came back from there.",
        "Open the app at the provider and register exactly this redirect URI: scheme, host, port and path, no slash behind it.";
    NOBODY_COMES_BACK = "nobody_comes_back", Warning, "Nobody comes back from the provider",
        "Several people were sent to the provider within a day and none returned. Most providers do not send a person \
         back when the redirect URI or the client id is wrong: they show an error page of their own.",
        "Open a magic link yourself and read what the provider's page says. Most often exactly this redirect URI has to be \
         registered for the app.";
    CLIENT_REFUSED = "client_refused", Error, "The provider does not know the client",
        "Doctor sends a code that cannot be good to the token endpoint. A provider that knows the client complains of the \
         code (`invalid_grant`); this one complained of the client, whichever way it was authenticated.",
        "Copy id and secret again from the app at the provider: no blanks, not the id of another environment, not the secret's \
         id instead of its value, and not a secret that has expired.";
    WRONG_CLIENT_AUTH = "wrong_client_auth", Error, "The client is authenticated the wrong way",
        "The token endpoint refused the client as the provider's file sends it, and took the same client when it was \
         sent another way (RFC 6749, section 2.3.1).",
        "Correct the provider's file.";
    SCOPE_REFUSED = "scope_refused", Error, "The provider refuses a scope",
        "The provider answered `invalid_scope`: a scope is misspelt, does not exist any more, or is not enabled for the app.",
        "Enable these scopes for the app at the provider, or leave some out: `scopes` of PUT /providers/{slug}/app.";
    PROVIDER_UNREACHABLE = "provider_unreachable", Error, "The provider cannot be reached",
        "No answer came from the provider's address: its name has none, nothing listens, no secure connection \
         comes about, or it takes too long.",
        "See whether this machine may open connections to that host (firewall, DNS, proxy), and whether the address is right.";
    SERVER_SILENT = "server_silent", Error, "No server answers at the public URL",
        "The provider's address is Panora's own public URL, as the Sandbox's is, and nothing answered there when it was \
         called from this machine.",
        "If no server runs, start it (`panora serve`) and ask again; if it runs elsewhere, set PANORA_PUBLIC_URL. If this \
         very server shows you this, it cannot reach its own public URL, as in a container whose port is mapped to another.";
    PROVIDER_TROUBLE = "provider_trouble", Warning, "The provider answers with an error of its own",
        "The provider was reached and answered with a status of 500 or above.",
        "It usually passes. If it stays, look at the provider's status page.";
    RATE_LIMITED = "rate_limited", Warning, "The app asks too often",
        "The provider answered 429: the limit of the app, which all connections share.",
        "Spread calls over time, or ask the provider for a higher limit. Panora waits as `Retry-After` says.";
    NO_REFRESH_TOKEN = "no_refresh_token", Error, "Connections end with their first token",
        "The provider gave tokens that expire and no refresh token with them: each such connection needs its person again \
         when the token ends. Most providers give a refresh token only if a scope or a parameter asks for one.",
        "Ask for the provider's offline scope (often `offline_access` or `refresh_token`), or set the parameter in the \
         provider's file (`authorization: parameters`), then let people connect again.";
    OFFLINE_SCOPE_LEFT_OUT = "offline_scope_left_out", Warning, "The scope for refresh tokens is left out",
        "The provider's file asks for a scope that brings a refresh token; the app's own `scopes` do not have it.",
        "Add it to `scopes` of PUT /providers/{slug}/app.";
    TEST_MODE_SUSPECTED = "test_mode_suspected", Warning, "Connections die after a week",
        "Several grants were ended by the provider about seven days after the person gave them, with `invalid_grant`. That is \
         how providers treat apps that are not published yet.",
        "Publish the app at the provider (Google: OAuth consent screen, publishing status \"In production\"), then let people \
         connect again.";
    SCOPES_NOT_GRANTED = "scopes_not_granted", Warning, "Scopes are asked for and not granted",
        "The provider grants less than the connect page asks for: people untick boxes, or the app or their plan does not have it.",
        "Enable these scopes for the app at the provider, or do not ask for them: `scopes` of PUT /providers/{slug}/app.";
    CLOCK_SKEW = "clock_skew", Warning, "Clocks differ",
        "The `Date` of the provider's answer is not our time. Tokens then expire earlier or later than believed, and \
         signatures with a time in them are refused; receivers refuse webhooks more than 300 s off.",
        "Let this machine's clock be set by NTP (`timedatectl set-ntp true`).";
    FLOWS_FAIL = "flows_fail", Warning, "People could not connect",
        "Flows ended without a connection lately, for none of the reasons above. `/docs` explains each code.",
        "Look up the codes, and find the flows in the server's log by these words.";
    PUBLIC_URL_UNREACHABLE = "public_url_unreachable", Warning, "The public URL looks unreachable",
        "Providers send people back to the public URL. Its host is a private address, or a name that only a local network knows.",
        "Set PANORA_PUBLIC_URL to the https URL that your users' browsers can open.";
    PUBLIC_URL_LOCAL = "public_url_local", Info, "The public URL is this machine's",
        "Fine for development: the browser is on this machine too. Some providers refuse redirect URIs without https or \
         on a loopback address.",
        "If the provider refuses it, use a tunnel and set PANORA_PUBLIC_URL to its https URL.";
    PROVIDER_DISABLED = "provider_disabled", Info, "The project does not offer this provider",
        "It was switched off: nobody can connect it.",
        "PATCH /providers/{slug} with {\"enabled\": true}.";
    PROBE_IMPOSSIBLE = "probe_impossible", Info, "The provider could not be asked",
        "Its address depends on the account (a subdomain, a data centre), and nobody has connected one yet.",
        "Ask again once somebody has connected.";
    PROBE_INCONCLUSIVE = "probe_inconclusive", Info, "The provider's answer tells nothing",
        "The token endpoint refused a code that cannot be good with an error that says neither that the client is known nor \
         that it is not.",
        "Connect an account to be sure.";
}
