//! Opening what is stored: the data folder, the key ring, the database, the vault.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::clock::Clock;
use crate::config::StorageArgs;
use crate::model::{ApiKey, ApiKeyId, ApiKeyRecord, DEFAULT_PROJECT, Project, ProjectId};
use crate::random::Random;
use crate::store::{Store, StoreError};
use crate::vault::{KeyError, KeyRing, Vault, VaultError};

#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("{0} cannot be used: {1}")]
    Folder(String, std::io::Error),
    #[error("{0} is a file, not a folder")]
    File(String),
    #[error(
        "PANORA_ENCRYPTION_KEYS is required with PostgreSQL: base64 of 32 bytes, such as `openssl rand -base64 32` makes"
    )]
    KeysMissing,
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error("these encryption keys are not those that this database was sealed with")]
    OtherKeys(#[source] VaultError),
    #[error("PANORA_BOOTSTRAP_API_KEY must have at least 32 characters")]
    BootstrapKeyShort,
    #[error("DATABASE_URL must begin with postgres://")]
    DatabaseUrl,
    #[error("the database cannot be opened: {0}")]
    Store(#[from] StoreError),
}

/// Storage that is open and whose keys fit.
pub struct Storage {
    pub store: Store,
    pub vault: Vault,
    pub clock: Clock,
    pub random: Random,
}

/// Opens the database that the settings name, and makes it at first start.
pub async fn open(args: &StorageArgs, clock: Clock, random: Random) -> Result<Storage, StorageError> {
    let given =
        args.encryption_keys.as_ref().map(|keys| KeyRing::parse(keys.expose_secret(), random.clone()));
    let given = given.transpose()?;
    let (store, ring) = if let Some(url) = &args.database_url {
        let url = url.expose_secret();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(StorageError::DatabaseUrl);
        }
        let ring = given.ok_or(StorageError::KeysMissing)?;
        (Store::open_postgres(url, clock.clone()).await?, ring)
    } else {
        let folder = |error| StorageError::Folder(args.data_dir.display().to_string(), error);
        if args.data_dir.is_file() {
            return Err(StorageError::File(args.data_dir.display().to_string()));
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&args.data_dir).map_err(folder)?;
        let ring = match given {
            Some(ring) => ring,
            None => generated_keys(&args.data_dir, &random)?,
        };
        let file = args.data_dir.join("panora.sqlite");
        if !file.exists() {
            make_private(&file).map(|_| ()).or_else(unless_there).map_err(folder)?;
        }
        (Store::open_sqlite(&file, clock.clone()).await?, ring)
    };
    let root = store.ensure_vault_root(&Vault::new_root(&ring, &random)).await?;
    let vault = Vault::open_with(ring, &root).map_err(StorageError::OtherKeys)?;
    Ok(Storage { store, vault, clock, random })
}

/// Reads the data folder's own key, and makes it (mode 0600) at first start. The name appears only with the
/// whole key behind it, so no kill and no second process ever meets half of one.
fn generated_keys(folder: &Path, random: &Random) -> Result<KeyRing, StorageError> {
    let file = folder.join("encryption.keys");
    let unusable = |error| StorageError::Folder(file.display().to_string(), error);
    if !file.exists() {
        let draft = folder.join(format!("encryption.keys.{}", random.base62(12)));
        let key = BASE64_STANDARD.encode(random.bytes::<32>());
        let made = make_private(&draft)
            .and_then(|mut draft| draft.write_all(key.as_bytes()).and_then(|()| draft.sync_all()))
            // If somebody else was first, theirs counts.
            .and_then(|()| std::fs::hard_link(&draft, &file).or_else(unless_there))
            .and_then(|()| std::fs::remove_file(&draft))
            .and_then(|()| std::fs::File::open(folder)?.sync_all());
        made.map_err(unusable)?;
    }
    let text = std::fs::read_to_string(&file).map_err(unusable)?;
    Ok(KeyRing::parse(&text.replace('\n', ","), random.clone())?)
}

fn unless_there(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

/// A new file that nobody else can read.
fn make_private(file: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

impl Storage {
    /// The project `default`, made at first start.
    pub async fn ensure_default_project(&self) -> Result<Project, StorageError> {
        match self.add_project(DEFAULT_PROJECT).await {
            // It is there, or another node was first.
            Err(StoreError::Conflict) => {}
            Ok(project) => return Ok(project),
            Err(error) => return Err(error.into()),
        }
        let found = self.store.lookup_project_by_handle(DEFAULT_PROJECT).await?;
        Ok(found.ok_or(StoreError::Corrupt("default project"))?)
    }

    pub async fn add_project(&self, name: &str) -> Result<Project, StoreError> {
        let id = ProjectId::new(&self.clock, &self.random);
        let project = Project::new(id, name.to_owned(), self.clock.now());
        self.store.add_project(&project).await.map(|()| project)
    }

    /// A new API key; its text is shown once.
    pub async fn add_api_key(
        &self,
        project: ProjectId,
        name: &str,
        key: &ApiKey,
    ) -> Result<ApiKeyRecord, StoreError> {
        let record = ApiKeyRecord {
            id: ApiKeyId::new(&self.clock, &self.random),
            id_project: project,
            name: name.to_owned(),
            ending: key.ending(),
            created_at: self.clock.now(),
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        };
        self.store.add_api_key(&record, key.hash()).await.map(|()| record)
    }

    /// Makes the bootstrap key of the project `default` if it is absent; a revoked one stays revoked.
    pub async fn ensure_bootstrap_key(&self, text: &SecretString) -> Result<(), StorageError> {
        let text = text.expose_secret();
        if text.chars().count() < 32 {
            return Err(StorageError::BootstrapKeyShort);
        }
        let project = self.ensure_default_project().await?;
        let key = ApiKey::from_text(text);
        if self.store.lookup_api_key(key.hash()).await?.is_some() {
            return Ok(());
        }
        match self.add_api_key(project.id, "bootstrap", &key).await {
            Err(StoreError::Conflict) | Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
