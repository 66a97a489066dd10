//! The OAuth app with which connections are made.

use super::text_enum::text_enum;

text_enum! {
    /// Where the OAuth app in force comes from: the project's own, the installation's configuration, the provider's
    /// public client, or nowhere.
    AppSource { Project = "project", Configuration = "configuration", BuiltIn = "built_in", None = "none" }
}

text_enum! {
    /// Why nobody can connect a provider: the project does not offer it, there is no OAuth client, or the integrator
    /// has not answered what the provider's file asks.
    Obstacle { Disabled = "disabled", ClientMissing = "client_missing", SettingsMissing = "settings_missing" }
}

text_enum! {
    /// Where trouble with a provider was met: a flow that ended without a connection (the code is our own), the
    /// provider's answer to an authorization, or to a request for tokens.
    TroublePlace { Flow = "flow", Authorization = "authorization", Token = "token" }
}
