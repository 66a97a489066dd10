//! `panora providers try`: a real authorisation with one provider file. A server runs for as long as that takes, on this
//! machine and with its data in a temporary folder; nothing of it is kept.

mod ask;
mod hidden;
mod tell;
mod walk;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use panora_catalog::{Catalog, Provider, Question};
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};

use self::ask::Given;
use self::hidden::Hidden;
use self::walk::Trial;
use super::api::Api;
use super::temporary::{TempFolder, settings};
use super::terminal::reader_gone;
use super::with_causes;
use crate::config::{ConfigFile, PublicUrl, ServeArgs, bind_address};
use crate::connect::redirect_uri;
use crate::model::ApiKey;
use crate::random::Random;
use crate::server::{Server, Surroundings};

/// What `--help` says at its end.
pub const MORE_HELP: &str = "\
Of an OAuth provider it asks for the client and prints the redirect URI to register and a link to open; of another one it \
asks for the fields that a person would be asked for. Then it prints each request to the provider and what the answer held, \
tries a refresh and the verification call, and revokes what it was granted. It exits with 0 if all of that worked. Secrets \
are never printed, and nothing is kept.

What you do not want to type comes from the environment, or from panora.toml, where [clients.<slug>] has id, secret, scopes \
and settings:
  PANORA_<SLUG>_CLIENT_ID              the OAuth client
  PANORA_<SLUG>_CLIENT_SECRET          its secret
  PANORA_<SLUG>_CLIENT_SCOPES          scopes instead of the file's
  PANORA_<SLUG>_CLIENT_SETTING_<NAME>  what the file asks the integrator
  PANORA_TRY_<FIELD>                   a field of a provider without OAuth

Examples:
  panora providers try catalog/acme.yaml
  panora providers try acme.yaml --public-url https://acme.tunnel.example";

#[derive(Args)]
pub struct TryArgs {
    /// The provider's file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Loopback address and port to listen on; part of the redirect URI unless --public-url is given
    // Names of their own: the server's settings in panora.toml are not meant for this.
    #[arg(
        id = "try_bind",
        long = "bind",
        alias = "port",
        default_value = "127.0.0.1:3000",
        value_name = "ADDR:PORT",
        value_parser = bind_address
    )]
    bind: SocketAddr,
    /// URL that leads to that address, such as a tunnel's, for providers that want https
    #[arg(id = "try_public_url", long = "public-url", value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// Seconds to wait for you to come back from the provider: 1 to 3600
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: u64,
}

/// How an account is connected.
enum Means {
    Browser { wait: Duration },
    Fields(Given),
}

pub async fn run(args: TryArgs, file: &ConfigFile) -> Result<(), String> {
    if !args.bind.ip().is_loopback() {
        return Err("--bind takes a loopback address: this server is for you alone".into());
    }
    Catalog::check_file(&args.file).map_err(|error| with_causes(&error))?;
    let random = Random::system();
    let folder = TempFolder::new("try", &random);
    let provider = load(&args.file, &folder)?;
    introduce(&args.file, &provider);
    let given = file.with_environment();
    let client = ask::client(&provider, &given)?;
    let means = if provider.takes_client() {
        Means::Browser { wait: Duration::from_secs(args.wait) }
    } else {
        Means::Fields(ask::fields(&provider, &given)?)
    };
    let (server, mut trial) = start(&args, &folder, client).await?;
    if let Means::Fields(fields) = &means {
        let secrets = provider.questions().into_iter().filter(Question::is_secret);
        secrets
            .filter_map(|question| fields.get(question.name()))
            .for_each(|secret| trial.hidden.add(secret));
    }
    if provider.takes_client() {
        println!("  Redirect URI to register: {}", redirect_uri(&server.app));
        provider.setup().into_iter().for_each(|url| println!("  Register it at:           {url}"));
    }
    let walked = tokio::select! {
        walked = until_stopped(trial.walk(means)) => walked,
        () = reader_gone() => Err("stopped before the end: nobody reads on".into()),
    };
    let cleaned = until_stopped(trial.clean_up()).await;
    server.stop().await;
    drop(folder);
    walked.and(cleaned)?;
    match trial.wrong {
        0 => println!("\nAll of it worked."),
        1 => return Err("one thing did not work".into()),
        more => return Err(format!("{more} things did not work")),
    }
    Ok(())
}

/// Copies the file into the folder, so that the server knows it and no other, and reads it there.
fn load(file: &Path, folder: &TempFolder) -> Result<Arc<Provider>, String> {
    let own = folder.0.join("providers");
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let copied = std::fs::create_dir_all(&own)
        .and_then(|()| std::fs::copy(file, own.join(format!("{name}.yaml"))).map(drop));
    copied.map_err(|error| format!("{} cannot be copied: {error}", file.display()))?;
    // Nothing is sent from here, so any address of our own does.
    let here = url::Url::parse("http://127.0.0.1/").map_err(|error| error.to_string())?;
    let catalog = Catalog::load(Some(&own), &here).map_err(|error| with_causes(&error))?;
    catalog.get("", name).ok_or_else(|| format!("{} holds no provider", file.display()))
}

fn introduce(file: &Path, provider: &Provider) {
    println!("{}: good", file.display());
    println!("  {} ({}), {}", provider.name(), provider.slug(), provider.auth_kind().as_str());
    provider.unverified().iter().for_each(|fact| println!("  nobody has tried: {fact}"));
}

async fn start(args: &TryArgs, folder: &TempFolder, client: Given) -> Result<(Server, Trial), String> {
    let key = ApiKey::generate(&Random::system());
    let settings = ServeArgs {
        public_url: args.public_url.clone(),
        providers_dir: Some(folder.0.join("providers")),
        ..settings(folder.0.join("data"), &key, args.bind)
    };
    let server = Server::start(settings, Surroundings::of_machine(client)).await;
    let server = server.map_err(|error| with_causes(&error))?;
    let app = server.app.clone();
    let slug = args.file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let provider = app.catalog.get("", slug).ok_or("the server does not know the file")?;
    let sightings = app.witness.watch().ok_or("somebody watches already")?;
    let mut hidden = Hidden::default();
    for client in app.clients.values() {
        client.secret.iter().for_each(|secret| hidden.add(secret.expose_secret()));
        let secret = provider.app_settings().into_iter().filter(Question::is_secret);
        secret.filter_map(|it| client.settings.get(it.name())).for_each(|secret| hidden.add(secret));
    }
    // Straight to where it listens, whatever stands before that.
    let api = Api::new(format!("http://{}", server.address), key)?;
    Ok((server, Trial { api, app, provider, sightings, hidden, granted: false, given_back: None, wrong: 0 }))
}

/// The work, or an error once somebody wants it to end.
async fn until_stopped(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let mut stop = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err("stopped before the end".into()),
        _ = stop.recv() => Err("stopped before the end".into()),
    }
}
