//! Every OAuth provider of the catalog, from the link to the end of its connection: what its snapshot in
//! `crates/panora-catalog/tests/catalog` shows is what is really sent, request by request.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::double::{CLIENT, Double, File, Walk, form_slugs, oauth_slugs};
use crate::support::{Browser, Page, Settings, TestServer, eventually, text};

/// Walks at once.
const AT_ONCE: usize = 6;

/// Providers that no walk is made of, each with its reason.
const NOT_WALKED: &[(&str, &str)] = &[("sandbox", "the server plays it itself: most other promises walk it")];

#[tokio::test(flavor = "multi_thread")]
async fn every_oauth_provider_is_sent_what_its_snapshot_shows_from_the_link_to_the_revocation() {
    walk_all(oauth_slugs(), NOT_WALKED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_provider_that_takes_a_credential_is_sent_what_its_snapshot_shows() {
    walk_all(form_slugs(), &[]).await;
}

/// Whatever a provider answers, only its file says which hosts are its own.
#[tokio::test(flavor = "multi_thread")]
async fn no_host_that_a_provider_tells_is_called_unless_its_file_allows_it() {
    let double = Double::start().await;
    let server = Settings::default().outbound(double.settings()).start().await;
    let redirect_uri = format!("{}/connections/oauth/callback", server.url);
    let mut lied = Vec::new();
    for slug in oauth_slugs() {
        let file = File::of(&slug);
        if !file.tells_hosts() {
            continue;
        }
        let journey = Journey {
            server: &server,
            walk: double.walk(file.lying(), 0, &redirect_uri),
            person: slug.clone(),
        };
        journey.set_up().await.expect("it is set up");
        let end = journey.to_the_end().await.expect("the person comes back");
        assert!(end.url.path().contains("/failed/"), "{slug}: {} {}", end.url, end.text());
        assert!(server.connections_of(&slug).await.is_empty(), "{slug}");
        assert_eq!(journey.walk.end(), Vec::<String>::new(), "{slug}");
        lied.push(slug);
    }
    assert_eq!(double.strays(), Vec::<String>::new());
    assert!(lied.len() > 10, "{lied:?}");
}

async fn walk_all(slugs: Vec<String>, left_out: &[(&str, &str)]) {
    let double = Double::start().await;
    let server = Settings::default().outbound(double.settings()).start().await;
    let is_left_out = |slug: &str| left_out.iter().any(|(it, _)| *it == slug);
    assert_eq!(
        slugs.iter().filter(|slug| is_left_out(slug)).count(),
        left_out.len(),
        "all of them are there"
    );
    let only = std::env::var("PANORA_TEST_PROVIDER").ok();
    if let Some(only) = &only {
        assert!(oauth_slugs().contains(only) || form_slugs().contains(only), "there is no provider {only}");
    }
    let wanted = |slug: &&String| only.as_ref().is_none_or(|only| only == *slug) && !is_left_out(slug);
    // All walks have one client: what would end with a connection is spared, so those go alone.
    let (alone, others): (Vec<_>, Vec<_>) =
        slugs.iter().filter(wanted).partition(|slug| File::of(slug).ends_others());
    let walks = others.into_iter().map(|slug| go(&server, &double, slug));
    let mut problems: Vec<Vec<String>> = stream::iter(walks).buffer_unordered(AT_ONCE).collect().await;
    for slug in alone {
        problems.push(go(&server, &double, slug).await);
    }
    let problems: Vec<String> = problems.into_iter().flatten().chain(double.strays()).collect();
    assert!(problems.is_empty(), "{} problems:\n\n{}", problems.len(), problems.join("\n\n"));
}

/// Walks a provider once for each shape that its token answers may have; what was wrong.
async fn go(server: &TestServer, double: &Double, slug: &str) -> Vec<String> {
    let redirect_uri = format!("{}/connections/oauth/callback", server.url);
    let (mut problems, mut shape, mut shapes) = (Vec::new(), 0, 1);
    while shape < shapes {
        let walk = double.walk(File::of(slug), shape, &redirect_uri);
        shapes = walk.file.shapes();
        let person = format!("{slug}-{shape}");
        if let Err(problem) = (Journey { server, walk: walk.clone(), person }).make().await {
            walk.complain(problem);
        }
        problems.extend(walk.end().into_iter().map(|problem| format!("== {slug} ({shape}): {problem}")));
        shape += 1;
    }
    problems
}

/// Whether what came is what was expected, one for one.
fn are(came: &[Vec<String>], expected: &[&str]) -> bool {
    came.len() == expected.len()
        && came.iter().zip(expected).all(|(names, name)| names.iter().any(|it| it == name))
}

struct Journey<'a> {
    server: &'a TestServer,
    walk: Arc<Walk>,
    person: String,
}

impl Journey<'_> {
    async fn make(&self) -> Result<(), String> {
        if self.walk.promises_any("authorization") {
            self.set_up().await?;
            self.connect().await?;
        } else {
            self.give_credential().await?;
        }
        let connection = self.server.connections_of(&self.person).await.into_iter().next();
        let connection = connection.ok_or("there is no connection")?;
        self.check(&connection)?;
        self.call(&connection).await?;
        let path = format!("/connections/{}", text(&connection["id_connection"]));
        if self.walk.promises_any("refresh") || self.walk.promises_any("login") {
            self.server.post(&format!("{path}/refresh"), &json!({})).await.expect(200);
            self.expect(&["login", "refresh"])?;
            self.call(&connection).await?;
        }
        self.verify(&path).await?;
        self.revoke(&path).await
    }

    /// Checks that since the last time exactly these came, of those that the snapshot shows.
    fn expect(&self, names: &[&str]) -> Result<(), String> {
        let expected: Vec<_> = names.iter().copied().filter(|name| self.walk.promises_any(name)).collect();
        let came = self.walk.came();
        if are(&came, &expected) { Ok(()) } else { Err(format!("{came:?} came instead of {expected:?}")) }
    }

    async fn set_up(&self) -> Result<(), String> {
        let settings = self.walk.file.settings();
        let app = json!({"client_id": CLIENT.0, "client_secret": CLIENT.1, "settings": settings});
        let answer = self.server.put(&format!("/providers/{}/app", self.walk.slug), &app).await;
        if answer.status == 200 { Ok(()) } else { Err(format!("the app is refused: {}", answer.text)) }
    }

    /// From the link to the page that says what was connected.
    async fn connect(&self) -> Result<(), String> {
        let end = self.to_the_end().await?;
        if !end.url.path().ends_with("/done") {
            return Err(format!("not connected, at {}: {}", end.url, end.text()));
        }
        self.expect(&["exchange", "then", "tenants", "identity"])
    }

    /// From the link to the last page, whatever it says.
    async fn to_the_end(&self) -> Result<Page, String> {
        let browser = Browser::new();
        let link = json!({"providers": [self.walk.slug]});
        let link = self.server.magic_link_with(&self.person, link).await;
        let page = self.answered(&browser, browser.open(text(&link["url"])).await).await;
        let away = browser.open_only(page.link_with("/authorize")).await;
        if !(300..400).contains(&away.status) || away.leads_to().scheme() != "https" {
            return Err(format!("the person is not sent away: {} {}", away.leads_to(), away.text()));
        }
        let back = self.walk.consent(&away.leads_to());
        self.expect(&["authorization"])?;
        let end = browser.open(back).await;
        if end.url.path().ends_with("/choice") {
            return Ok(browser.submit(&end.form().with("choice", "1")).await);
        }
        Ok(end)
    }

    /// From the link to the end, where a form is all there is.
    async fn give_credential(&self) -> Result<(), String> {
        let browser = Browser::new();
        let link = json!({"providers": [self.walk.slug]});
        let link = self.server.magic_link_with(&self.person, link).await;
        let done = self.answered(&browser, browser.open(text(&link["url"])).await).await;
        if !done.url.path().ends_with("/done") {
            return Err(format!("not connected, at {}: {}", done.url, done.text()));
        }
        // It is tried first, by the request that tells whose it is where there is no other.
        self.expect(&["login", self.trial(), "identity"])
    }

    /// By which request a credential is tried.
    fn trial(&self) -> &'static str {
        if self.walk.promises_any("verify") { "verify" } else { "identity" }
    }

    /// The page after the questions, where there are any.
    async fn answered(&self, browser: &Browser, page: Page) -> Page {
        let questions = self.walk.file.questions();
        if questions.is_empty() {
            return page;
        }
        let form = questions.iter().fold(page.form(), |form, (name, value)| form.with(name, value));
        browser.submit(&form).await
    }

    /// What the connection says is what the provider has said.
    fn check(&self, connection: &Value) -> Result<(), String> {
        let (file, identity) = (&self.walk.file, self.walk.identity());
        for part in ["id", "name", "email"] {
            let said = file.filled(part, &identity).map_or(Value::Null, Value::from);
            if connection["account"][part] != said {
                return Err(format!(
                    "the account's {part} is {} instead of {said}",
                    connection["account"][part]
                ));
            }
        }
        let call = self.walk.call_url();
        if Some(text(&connection["account_url"]).as_str()) != call.split("/things?limit=2").next() {
            return Err(format!("{} is where calls of {call} go", connection["account_url"]));
        }
        if connection["missing_scopes"] != json!([]) {
            return Err(format!("{} are missing", connection["missing_scopes"]));
        }
        let lasts = connection["expiration_timestamp"].as_str().map(|at| {
            let at: jiff::Timestamp = at.parse().expect("a time");
            at.as_second() - jiff::Timestamp::now().as_second()
        });
        match (lasts, self.walk.lifetime()) {
            (None, None) => Ok(()),
            (Some(lasts), Some(life)) if (life - 120..=life).contains(&lasts) => Ok(()),
            (lasts, life) => Err(format!("it lasts {lasts:?} s instead of {life:?}")),
        }
    }

    async fn call(&self, connection: &Value) -> Result<(), String> {
        let call = json!({"method": "GET", "path": "/things?limit=2"});
        let answer = self.server.passthrough(&text(&connection["connection_token"]), &call).await;
        if answer.status != 200 {
            return Err(format!("the call is answered {} {}", answer.status, answer.text));
        }
        self.expect(&["call"])
    }

    async fn verify(&self, path: &str) -> Result<(), String> {
        let answer = self.server.post(&format!("{path}/verify"), &json!({})).await;
        if answer.status != 200 {
            return Err(format!("the verification is answered {} {}", answer.status, answer.text));
        }
        self.expect(&[self.trial()])
    }

    async fn revoke(&self, path: &str) -> Result<(), String> {
        let answer = self.server.delete(path).await;
        if answer.status != 200 {
            return Err(format!("the deletion is answered {} {}", answer.status, answer.text));
        }
        let expected = self.walk.names("revocation");
        let come =
            eventually("the revocation", || async { (self.walk.count() >= expected.len()).then_some(()) });
        drop(tokio::time::timeout(Duration::from_secs(10), come).await);
        self.expect(&expected)
    }
}
