//! The pages in their states, with made-up people and companies.

use std::time::Duration;

use panora_pages::{
    Account, ChoicePage, ConsentPage, CredentialProblem, CredentialsPage, Customer, DocsPage, DoctorEntry,
    DoctorPage, DoctorSeverity, DonePage, Failure, FailurePage, Field, Frame, MisdirectedPage, NotFoundPage,
    Outcome, PickerEntry, PickerPage, Provider, Purpose, QuestionsPage, SandboxAccount, SandboxConsentPage,
    SandboxErrorPage, SandboxScope, Tenant, WaitingPage,
};

const RETURN: &str = "https://app.acme.com/settings?status=success&id_connection=0198c5a0";

/// Every page with a name for its file.
pub fn all() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for group in [pickers(), consents(), forms(), endings(), failures(), others()] {
        pages.extend(group);
    }
    pages
}

type Pages = Vec<(String, String)>;

fn named(name: &str, html: String) -> (String, String) {
    (name.to_owned(), html)
}

fn frame() -> Frame {
    let customer = Customer {
        name: "Acme".to_owned(),
        color: Some("#5b3df5".to_owned()),
        support_email: Some("help@acme.com".to_owned()),
        privacy_url: Some("https://acme.com/privacy".to_owned()),
        ..Customer::default()
    };
    Frame { customer: Some(customer), for_whom: Some("Ada Lovelace".to_owned()), ..Frame::default() }
}

fn provider(slug: &str, name: &str, vertical: &str, color: &str) -> Provider {
    Provider {
        slug: slug.to_owned(),
        name: name.to_owned(),
        vertical: vertical.to_owned(),
        color: Some(color.to_owned()),
        logo_url: None,
    }
}

fn hubspot() -> Provider {
    provider("hubspot", "HubSpot", "crm", "#ff7a59")
}

fn zendesk() -> Provider {
    provider("zendesk", "Zendesk", "ticketing", "#03363d")
}

fn entries() -> Vec<PickerEntry> {
    let providers = [
        hubspot(),
        provider("attio", "Attio", "crm", "#111827"),
        provider("pipedrive", "Pipedrive", "crm", "#017737"),
        provider("salesforce", "Salesforce", "crm", "#00a1e0"),
        provider("zoho", "Zoho CRM", "crm", "#e42527"),
        zendesk(),
        provider("front", "Front", "ticketing", "#a857f1"),
        provider("github", "GitHub", "ticketing", "#24292f"),
        provider("linear", "Linear", "ticketing", "#5e6ad2"),
        provider("google_drive", "Google Drive", "filestorage", "#1a73e8"),
        provider("dropbox", "Dropbox", "filestorage", "#0061ff"),
        provider("slack", "Slack", "communication", "#4a154b"),
        provider("sandbox", "Sandbox", "crm", "#f59e0b"),
    ];
    let mut entries: Vec<_> =
        providers.map(|provider| PickerEntry { provider, ..PickerEntry::default() }).into();
    entries[2].connected = Some("ada@acme.com".to_owned());
    entries
}

fn picker(entries: Vec<PickerEntry>, total: usize) -> PickerPage {
    PickerPage {
        frame: frame(),
        id_flow: "flow".to_owned(),
        entries,
        total,
        verticals: ["crm", "ticketing", "filestorage", "communication"].map(str::to_owned).to_vec(),
        search: String::new(),
        vertical: None,
        expires_in: Some(Duration::from_hours(6 * 24)),
    }
}

fn pickers() -> Pages {
    let nothing = PickerPage { search: "sugar".to_owned(), ..picker(vec![], 13) };
    let few = entries().into_iter().skip(1).step_by(3).collect();
    let crm = PickerPage {
        vertical: Some("crm".to_owned()),
        ..picker(entries().into_iter().filter(|entry| entry.provider.vertical == "crm").collect(), 13)
    };
    vec![
        named("picker", picker(entries(), 13).render()),
        named("picker-few", picker(few, 4).render()),
        named("picker-crm", crm.render()),
        named("picker-nothing", nothing.render()),
        named("picker-empty", picker(vec![], 0).render()),
    ]
}

fn consent() -> ConsentPage {
    ConsentPage {
        frame: frame(),
        id_flow: "flow".to_owned(),
        provider: hubspot(),
        purpose: Purpose::Connect,
        sentences: [
            "can read your contacts, companies and deals",
            "can add and change contacts",
            "cannot delete anything",
        ]
        .map(str::to_owned)
        .to_vec(),
        tenant: None,
        host: "app.hubspot.com".to_owned(),
        has_choice: true,
    }
}

fn consents() -> Pages {
    let unbranded = Frame {
        for_whom: None,
        customer: Some(Customer { name: "Globex Corporation".to_owned(), ..Customer::default() }),
        ..frame()
    };
    let tenant = Tenant {
        address: "acme.zendesk.com".to_owned(),
        change_url: "/connect/flow/flow/zendesk".to_owned(),
    };
    let renewal = Purpose::Renew { account: Some("ada@acme.com · Acme Inc.".to_owned()) };
    let plain = ConsentPage { frame: unbranded, sentences: vec![], has_choice: false, ..consent() };
    let with_tenant = ConsentPage {
        provider: zendesk(),
        tenant: Some(tenant),
        host: "acme.zendesk.com".to_owned(),
        ..consent()
    };
    vec![
        named("consent", consent().render()),
        named("consent-renew", ConsentPage { purpose: renewal, ..consent() }.render()),
        named("consent-tenant", with_tenant.render()),
        named("consent-plain", plain.render()),
    ]
}

fn subdomain(error: Option<&str>) -> Field {
    Field {
        name: "subdomain".to_owned(),
        label: "Zendesk address".to_owned(),
        help: Some("It is what you see in your browser’s address bar when you are signed in.".to_owned()),
        example: Some("acme, or https://acme.zendesk.com/agent".to_owned()),
        suffix: Some(".zendesk.com".to_owned()),
        value: error.map(|_| "acme!".to_owned()).unwrap_or_default(),
        error: error.map(str::to_owned),
        ..Field::default()
    }
}

fn questions(error: Option<&str>) -> QuestionsPage {
    QuestionsPage {
        frame: frame(),
        id_flow: "flow".to_owned(),
        provider: zendesk(),
        fields: vec![subdomain(error)],
        action: "/connect/flow/flow/zendesk".to_owned(),
        csrf: "csrf".to_owned(),
        has_choice: true,
    }
}

fn choice(is_newer: bool) -> ChoicePage {
    let names = ["Acme", "Acme Legal and Compliance, Europe, Middle East and Africa", "Globex"];
    ChoicePage {
        frame: frame(),
        provider: zendesk(),
        choices: names.map(str::to_owned).to_vec(),
        is_newer,
        action: "/connect/flow/flow/zendesk/choice".to_owned(),
        csrf: "csrf".to_owned(),
        grant: "grant".to_owned(),
    }
}

fn credentials(problem: Option<CredentialProblem>) -> CredentialsPage {
    let key = Field {
        name: "api_key".to_owned(),
        label: "API token".to_owned(),
        example: Some("sk_live_ followed by 32 letters".to_owned()),
        secret: true,
        ..Field::default()
    };
    CredentialsPage {
        frame: frame(),
        id_flow: "flow".to_owned(),
        provider: zendesk(),
        role: Some("an administrator of your Zendesk account".to_owned()),
        steps: [
            "Open Apps and integrations, then Zendesk API.",
            "Choose Add API token and name it Acme.",
            "Copy the token and paste it here.",
        ]
        .map(str::to_owned)
        .to_vec(),
        key_page: Some("https://acme.zendesk.com/admin/apps-integrations/apis".to_owned()),
        fields: vec![subdomain(None), key],
        tries_left: problem.as_ref().map(|_| 9),
        problem,
        action: "/connect/flow/flow/zendesk".to_owned(),
        csrf: "csrf".to_owned(),
        has_choice: true,
    }
}

fn forms() -> Pages {
    let missing = CredentialProblem::PermissionMissing;
    vec![
        named("choice", choice(false).render()),
        named("choice-newer", choice(true).render()),
        named("questions", questions(None).render()),
        named("questions-error", questions(Some("Letters, digits and hyphens only.")).render()),
        named("credentials", credentials(None).render()),
        named("credentials-wrong-key", credentials(Some(CredentialProblem::WrongKey)).render()),
        named("credentials-permission", credentials(Some(missing)).render()),
        named("credentials-wrong-tenant", credentials(Some(CredentialProblem::WrongTenant)).render()),
        named("credentials-down", credentials(Some(CredentialProblem::ProviderDown)).render()),
    ]
}

fn done() -> DonePage {
    DonePage {
        frame: frame(),
        provider: hubspot(),
        outcome: Outcome::Connected,
        account: Account { name: Some("Acme Inc.".to_owned()), email: Some("ada@acme.com".to_owned()) },
        missing: vec![],
        reconnect_url: None,
        return_url: Some(RETURN.to_owned()),
        another_url: None,
    }
}

fn endings() -> Pages {
    let renewed = DonePage { outcome: Outcome::Renewed, return_url: None, ..done() };
    let missing = DonePage {
        missing: vec!["Change deals".to_owned(), "Read e-mail".to_owned()],
        reconnect_url: Some("/connect/flow/flow/hubspot".to_owned()),
        ..done()
    };
    let bare = DonePage {
        account: Account::default(),
        return_url: None,
        another_url: Some("/connect/flow/flow".to_owned()),
        ..done()
    };
    let waiting = WaitingPage {
        frame: frame(),
        provider: hubspot(),
        check_url: "/connect/flow/flow/waiting".to_owned(),
        open_again_url: Some("/connect/flow/flow/hubspot/authorize".to_owned()),
        same_tab_url: Some("/connect/flow/flow/hubspot".to_owned()),
    };
    vec![
        named("done", done().render()),
        named("done-renewed", renewed.render()),
        named("done-missing", missing.render()),
        named("done-bare", bare.render()),
        named("waiting", waiting.render()),
    ]
}

fn failures() -> Pages {
    let page = |failure: Failure| FailurePage {
        frame: frame(),
        failure,
        provider_name: Some("HubSpot".to_owned()),
        details: if failure == Failure::PermissionsMissing { vec!["Read deals".to_owned()] } else { vec![] },
        action_url: (failure.status() < 410 || failure.status() == 502)
            .then(|| "/connect/flow/flow/hubspot".to_owned()),
        return_url: Some(RETURN.replace("success", "error")),
        reference: "0198c5a0-7d1e-7000-8f00-5a1e0c9d2b44".to_owned(),
    };
    let unknown = FailurePage {
        frame: Frame::default(),
        provider_name: None,
        action_url: None,
        return_url: None,
        ..page(Failure::LinkNotFound)
    };
    let mut pages: Pages =
        Failure::ALL.iter().map(|f| (format!("failure-{}", f.code()), page(*f).render())).collect();
    pages.push(named("failure-unknown-sender", unknown.render()));
    pages
}

fn sandbox() -> SandboxConsentPage {
    let account = |id: &str, name: &str, email: &str| SandboxAccount {
        id: id.to_owned(),
        name: name.to_owned(),
        email: email.to_owned(),
    };
    let scope = |name: &str, description: &str| SandboxScope {
        name: name.to_owned(),
        description: description.to_owned(),
    };
    SandboxConsentPage {
        frame: Frame::default(),
        app_name: "Acme".to_owned(),
        accounts: vec![
            account("acme", "Acme Inc.", "ada@acme.test"),
            account("globex", "Globex", "grace@globex.test"),
        ],
        scopes: vec![
            scope("contacts.read", "Read your contacts"),
            scope("contacts.write", "Add and change contacts"),
        ],
        action: "/sandbox/oauth/authorize".to_owned(),
        hidden: vec![("state".to_owned(), "x".to_owned())],
    }
}

fn others() -> Pages {
    let error = SandboxErrorPage {
        frame: Frame::default(),
        error: "invalid_request".to_owned(),
        description: "This redirect address is not registered for the app.".to_owned(),
    };
    let document = serde_json::from_str(include_str!("openapi.json")).expect("the example is JSON");
    vec![
        named("sandbox", sandbox().render()),
        named("sandbox-error", error.render()),
        named("not-found", NotFoundPage.render()),
        named("misdirected", MisdirectedPage { public_url: "https://connect.acme.com".to_owned() }.render()),
        named("doctor", DoctorPage { entries: doctor_entries() }.render()),
        named(
            "docs",
            DocsPage {
                document,
                problems: &[("not_found", "There is nothing here.")],
                public_url: "http://127.0.0.1:3000".into(),
            }
            .render(),
        ),
    ]
}

fn doctor_entries() -> Vec<DoctorEntry> {
    let severities = [DoctorSeverity::Error, DoctorSeverity::Warning, DoctorSeverity::Info];
    let codes = ["redirect_uri_refused", "clock_skew", "public_url_local"];
    let entry = |(code, severity)| DoctorEntry {
        code,
        severity,
        title: "The redirect URI is not registered",
        meaning: "The provider compares it letter by letter with those registered for the app.",
        mend: "Open the app at the provider and register exactly this redirect URI.",
    };
    codes.into_iter().zip(severities).map(entry).collect()
}
