//! One provider within a flow: what will be shared, what must be asked first, and the way there.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Redirect, Response};
use panora_catalog::{AnswerError, Provider, Question, Variables, Verification};
use panora_pages::{
    ConsentPage, CredentialProblem, CredentialsPage, Failure, Field, FieldError, Language, Purpose,
    QuestionsPage, Tenant, provider_path,
};

use super::cookies::{check_csrf, csrf_token};
use super::failed::Refused;
use super::frame::{frame, shown};
use super::picker::choices;
use super::{Elsewhere, FlowCookies, done_path, failed, live_flow};
use crate::app::App;
use crate::connect::{
    Apps, AuthorizeError, FormError, MOST_TRIES, OpenFlow, answers_of, app_for, authorization_url, note,
    save_answers, tell_failure, try_credentials,
};
use crate::http::problem::Problem;
use crate::model::{FlowId, LinkStep, Obstacle};

/// The query of a departure that makes a new connection, whatever the link was to renew.
pub const AS_NEW: &str = "as=new";

/// A provider that this flow may connect.
struct Here {
    open: OpenFlow,
    provider: Arc<Provider>,
    has_choice: bool,
    /// Whether a new connection is wanted, whatever the link was to renew.
    as_new: bool,
}

async fn here(
    app: &App,
    (id, slug): (&str, &str),
    uri: &http::Uri,
    cookies: &FlowCookies,
) -> Result<Here, Elsewhere> {
    let id: FlowId = id.parse().map_err(|_| Problem::not_found())?;
    let open = live_flow(app, id, cookies).await?;
    let mut choices = choices(app, &open.link).await?;
    let has_choice = choices.len() > 1;
    let Some(place) = choices.iter().position(|provider| provider.slug() == slug) else {
        return Err(unready(app, open, slug).await?);
    };
    let as_new = uri.query() == Some(AS_NEW);
    Ok(Here { open, provider: choices.swap_remove(place), has_choice, as_new })
}

/// Why a provider that the link may name cannot be chosen: nobody has set it up, or it is none of this flow's.
async fn unready(app: &App, open: OpenFlow, slug: &str) -> Result<Elsewhere, Problem> {
    let project = open.link.id_project;
    let Some(provider) = app.provider(project, slug) else { return Ok(Problem::not_found().into()) };
    let obstacle = Apps::of_project(app, project).await?.obstacle(app, project, &provider)?;
    let set_up_wrongly = obstacle.is_some_and(|it| it != Obstacle::Disabled);
    if !set_up_wrongly || !open.link.allows(slug, provider.verticals()) {
        return Ok(Problem::not_found().into());
    }
    Ok(Refused::at_provider(app, &open, slug, Failure::SetUpWrongly).await?.into())
}

impl Here {
    fn path(&self) -> String {
        provider_path(&self.open.flow.id.to_string(), self.provider.slug())
    }

    /// The same, with what the person wants of it.
    fn own_path(&self) -> String {
        if self.as_new { format!("{}?{AS_NEW}", self.path()) } else { self.path() }
    }

    /// Whether the provider's questions are answered.
    fn is_answered(&self, answers: &Variables) -> bool {
        self.provider.questions().iter().all(|question| answers.contains_key(question.name()))
    }
}

/// The page that asks, or the one that says what will be shared.
pub async fn show(
    State(app): State<App>,
    Path((id, slug)): Path<(String, String)>,
    cookies: FlowCookies,
    uri: http::Uri,
) -> Result<Response, Elsewhere> {
    let here = here(&app, (&id, &slug), &uri, &cookies).await?;
    note(&app, &here.open.link, &[LinkStep::ProviderChosen], &slug).await?;
    let answers = answers_of(&app, &here.open.flow, &slug)?;
    if !here.provider.auth_kind().redirects() {
        return credentials_page(&app, &here, &BTreeMap::new(), None).await;
    }
    if !here.is_answered(&answers) || uri.query() == Some("change") {
        return questions_page(&app, &here, &answers, &BTreeMap::new()).await;
    }
    consent_page(&app, &here, &answers).await
}

/// Answers to the provider's questions, or a credential.
pub async fn answer(
    State(app): State<App>,
    Path((id, slug)): Path<(String, String)>,
    cookies: FlowCookies,
    uri: http::Uri,
    Form(typed): Form<BTreeMap<String, String>>,
) -> Result<Response, Elsewhere> {
    let here = here(&app, (&id, &slug), &uri, &cookies).await?;
    check_csrf(&app, &here.open.cookie, &typed)?;
    if !here.provider.auth_kind().redirects() {
        let ending = app.clone();
        return ending.to_the_end(async move { take_credentials(&app, &here, &typed).await }).await;
    }
    let (mut answers, mut wrong) = (Variables::new(), BTreeMap::new());
    for question in here.provider.questions() {
        let raw = typed.get(question.name()).map(String::as_str).unwrap_or_default();
        match question.normalize(raw) {
            Ok(value) => drop(answers.insert(question.name().to_owned(), value)),
            Err(error) => drop(wrong.insert(question.name().to_owned(), error)),
        }
    }
    if !wrong.is_empty() {
        return questions_page(&app, &here, &typed, &wrong).await;
    }
    save_answers(&app, &here.open.flow, &slug, answers).await?;
    Ok(Redirect::to(&here.path()).into_response())
}

/// Sends the person to the provider. A plain link: it changes nothing but a fresh state of this flow, and a
/// form would make the browser apply this page's policy to the provider's redirects.
pub async fn authorize(
    State(app): State<App>,
    Path((id, slug)): Path<(String, String)>,
    cookies: FlowCookies,
    headers: HeaderMap,
    uri: http::Uri,
) -> Result<Response, Elsewhere> {
    let here = here(&app, (&id, &slug), &uri, &cookies).await?;
    let elsewhere = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    let answers = answers_of(&app, &here.open.flow, &slug)?;
    if elsewhere || !here.provider.auth_kind().redirects() || !here.is_answered(&answers) {
        // Consent is given on our page, never by another site's link.
        return Err(Elsewhere::Redirect(here.own_path()));
    }
    match authorization_url(&app, &here.open, &here.provider, here.as_new).await {
        Ok(url) => {
            app.witness.saw_departure(&url);
            Ok(Redirect::to(url.as_str()).into_response())
        }
        Err(AuthorizeError::Failed(failure)) => {
            tell_failure(&app, &here.open, &slug, failure, None).await;
            Err(Elsewhere::Redirect(failed::path(here.open.flow.id, &slug, failure)))
        }
        Err(AuthorizeError::Connect(error)) => Err(error.into()),
    }
}

async fn consent_page(app: &App, here: &Here, answers: &Variables) -> Result<Response, Elsewhere> {
    let link = &here.open.link;
    let purpose = match link.id_connection {
        Some(id) => {
            let renewed = app.store.lookup_connection(link.id_project, id).await?;
            let account = renewed.map(|it| it.connection.account);
            Purpose::Renew { account: account.and_then(|account| account.name.or(account.email)) }
        }
        None => Purpose::Connect,
    };
    let chosen = app_for(app, link.id_project, &here.provider).await?;
    let (questions, scopes) = (here.provider.questions(), chosen.scopes_of(&here.provider));
    let tenant = questions.first().and_then(|question| {
        let address = question.shown(answers.get(question.name())?);
        Some(Tenant { address, change_url: format!("{}?change", here.path()) })
    });
    let shared = here.provider.sharing(&scopes);
    let mut known = answers.clone();
    known.extend(chosen.settings);
    let page = ConsentPage {
        frame: frame(app, link).await?,
        id_flow: here.open.flow.id.to_string(),
        provider: shown(&here.provider),
        purpose,
        sentences: shared.into_iter().map(str::to_owned).collect(),
        tenant,
        host: here.provider.authorization_host(&known).unwrap_or_else(|| here.provider.name().to_owned()),
        has_choice: here.has_choice,
    };
    Ok(Html(page.render()).into_response())
}

fn fields(
    provider: &Provider,
    typed: &BTreeMap<String, String>,
    wrong: &BTreeMap<String, AnswerError>,
) -> Vec<Field> {
    let field = |question: Question<'_>| Field {
        name: question.name().to_owned(),
        label: question.label().to_owned(),
        help: question.help().map(str::to_owned),
        example: question.example().map(str::to_owned),
        suffix: question.suffix().map(str::to_owned),
        value: if question.is_secret() {
            String::new()
        } else {
            typed.get(question.name()).cloned().unwrap_or_default()
        },
        secret: question.is_secret(),
        error: wrong.get(question.name()).map(|error| said(*error)),
    };
    provider.questions().into_iter().map(field).collect()
}

/// Why an answer cannot be used, to the person who gave it.
fn said(error: AnswerError) -> String {
    let error = match error {
        AnswerError::Missing => FieldError::Missing,
        AnswerError::TooLong => FieldError::TooLong,
        AnswerError::BadCharacter | AnswerError::NotAChoice | AnswerError::WrongShape => FieldError::Unusable,
    };
    error.words(Language::default())
}

async fn questions_page(
    app: &App,
    here: &Here,
    typed: &BTreeMap<String, String>,
    wrong: &BTreeMap<String, AnswerError>,
) -> Result<Response, Elsewhere> {
    let page = QuestionsPage {
        frame: frame(app, &here.open.link).await?,
        id_flow: here.open.flow.id.to_string(),
        provider: shown(&here.provider),
        fields: fields(&here.provider, typed, wrong),
        action: here.path(),
        csrf: csrf_token(app, &here.open.cookie),
        has_choice: here.has_choice,
    };
    Ok(Html(page.render()).into_response())
}

async fn credentials_page(
    app: &App,
    here: &Here,
    typed: &BTreeMap<String, String>,
    problem: Option<(Option<CredentialProblem>, BTreeMap<String, AnswerError>)>,
) -> Result<Response, Elsewhere> {
    let tried = problem.is_some();
    let (problem, wrong) = problem.unwrap_or_default();
    let page = CredentialsPage {
        frame: frame(app, &here.open.link).await?,
        id_flow: here.open.flow.id.to_string(),
        provider: shown(&here.provider),
        role: None,
        steps: here.provider.connect_help().map(str::to_owned).into_iter().collect(),
        key_page: here.provider.setup().map(str::to_owned),
        fields: fields(&here.provider, typed, &wrong),
        tries_left: tried
            .then(|| MOST_TRIES.saturating_sub(here.open.flow.tries + u32::from(problem.is_some()))),
        problem,
        action: here.own_path(),
        csrf: csrf_token(app, &here.open.cookie),
        has_choice: here.has_choice,
    };
    Ok(Html(page.render()).into_response())
}

async fn take_credentials(
    app: &App,
    here: &Here,
    typed: &BTreeMap<String, String>,
) -> Result<Response, Elsewhere> {
    let problem = match try_credentials(app, &here.open, (&here.provider, here.as_new), typed).await {
        Ok(()) => return Ok(Redirect::to(&done_path(here.open.flow.id)).into_response()),
        Err(FormError::Connect(error)) => return Err(error.into()),
        Err(FormError::Failed(failure)) => {
            return Err(Elsewhere::Redirect(failed::path(here.open.flow.id, here.provider.slug(), failure)));
        }
        Err(FormError::Fields(wrong)) => (None, wrong),
        Err(FormError::Refused(verification)) => (Some(problem_of(verification)), BTreeMap::new()),
    };
    credentials_page(app, here, typed, Some(problem)).await
}

fn problem_of(verification: Verification) -> CredentialProblem {
    match verification {
        Verification::WrongKey => CredentialProblem::WrongKey,
        Verification::MissingPermission => CredentialProblem::PermissionMissing,
        Verification::WrongTenant => CredentialProblem::WrongTenant,
        Verification::Good | Verification::TryLater | Verification::Unexplained => {
            CredentialProblem::ProviderDown
        }
    }
}
