//! The catalog: built-in files, an installation's own over them, and each project's over both. Files are read
//! here and nowhere else, once.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use crate::file::{FileError, Mistake, ProviderFile, nearest};
use crate::provider::{Provider, ProviderOrigin};

/// Slug and text of every file that was built in, checked by the build.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

type Providers = BTreeMap<String, Arc<Provider>>;

/// All providers of this server.
#[derive(Clone, Debug)]
pub struct Catalog {
    shared: Providers,
    projects: BTreeMap<String, Providers>,
}

/// The catalog cannot be loaded; nothing of it is used then.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is a folder: name the files in it", path.display())]
    Folder { path: PathBuf },
    #[error("{}: a provider file's name is a slug of a-z, 0-9 and _, with .yaml behind it", path.display())]
    BadName { path: PathBuf },
}

impl Catalog {
    /// Loads the built-in providers, `<dir>/*.yaml` over them, and `<dir>/<project id>/*.yaml` for one project
    /// each. `public_url` is our own server, which `{public_url}` in a file stands for.
    pub fn load(dir: Option<&Path>, public_url: &Url) -> Result<Self, CatalogError> {
        let public_url = public_url.as_str().trim_end_matches('/');
        let mut shared = Providers::new();
        for (slug, text) in BUILT_IN {
            let file = ProviderFile::parse(&format!("catalog/{slug}.yaml"), slug, text)?;
            insert(&mut shared, file, ProviderOrigin::BuiltIn, public_url);
        }
        let mut projects = BTreeMap::new();
        if let Some(dir) = dir {
            load_folder(&mut shared, dir, &ProviderOrigin::Installation, public_url)?;
            for folder in entries(dir)?.into_iter().filter(|path| path.is_dir()) {
                let name = folder.file_name().and_then(|name| name.to_str());
                // Mounted volumes and version control keep copies in hidden folders.
                let Some(project) = name.filter(|name| !name.starts_with('.')) else { continue };
                let mut own = Providers::new();
                load_folder(&mut own, &folder, &ProviderOrigin::Project(project.to_owned()), public_url)?;
                own.values().try_for_each(|provider| check_issuer(&shared, provider, &folder))?;
                projects.insert(project.to_owned(), own);
            }
        }
        Ok(Self { shared, projects })
    }

    /// The provider that this project means by a slug.
    pub fn get(&self, project: &str, slug: &str) -> Option<Arc<Provider>> {
        let own = self.projects.get(project).and_then(|providers| providers.get(slug));
        own.or_else(|| self.shared.get(slug)).cloned()
    }

    /// All providers of this project, by name.
    pub fn list(&self, project: &str) -> Vec<Arc<Provider>> {
        let mut providers = self.shared.clone();
        providers.extend(self.projects.get(project).cloned().unwrap_or_default());
        let mut list: Vec<_> = providers.into_values().collect();
        list.sort_by_cached_key(|provider| (provider.name().to_lowercase(), provider.slug().to_owned()));
        list
    }

    /// The provider that may have been meant by a slug that nobody has, of those that are served.
    pub fn nearest(
        &self,
        project: &str,
        slug: &str,
        is_served: impl Fn(&Provider) -> bool,
    ) -> Option<Arc<Provider>> {
        let own = self.projects.get(project);
        let shared = self.shared.values().filter(|it| own.is_none_or(|own| !own.contains_key(it.slug())));
        let all = shared.chain(own.into_iter().flat_map(BTreeMap::values)).filter(|it| is_served(it));
        let meant = nearest(slug, all.map(|provider| provider.slug()))?;
        self.get(project, meant)
    }

    /// The projects that have files of their own.
    pub fn projects(&self) -> impl Iterator<Item = &str> {
        self.projects.keys().map(String::as_str)
    }

    /// What is to be known of a sound file; an error says what is wrong with one.
    pub fn check_file(path: &Path) -> Result<Option<&'static str>, CatalogError> {
        if path.is_dir() {
            return Err(CatalogError::Folder { path: path.to_owned() });
        }
        read_file(path).map(|file| file.advice())
    }
}

fn insert(into: &mut Providers, file: ProviderFile, origin: ProviderOrigin, public_url: &str) {
    let provider = Provider { file, origin, public_url: public_url.to_owned() };
    into.insert(provider.slug().to_owned(), Arc::new(provider));
}

/// A project's own file that claims another provider's issuer takes its codes where that provider does: else whoever wrote
/// the file would get codes that people gave to somebody else.
fn check_issuer(shared: &Providers, own: &Provider, folder: &Path) -> Result<(), FileError> {
    let Some(issuer) = own.issuer() else { return Ok(()) };
    let mut same = shared.values().filter(|it| it.issuer().as_ref() == Some(&issuer)).peekable();
    if same.peek().is_none() || same.any(|it| it.token_host() == own.token_host()) {
        return Ok(());
    }
    let problem = format!("the codes of the issuer {issuer} go to the token URL of that provider only");
    let line = own.file.token.as_ref().map_or(1, |token| token.url.line());
    let file = folder.join(format!("{}.yaml", own.slug())).display().to_string();
    Err(FileError { file, mistakes: vec![Mistake::new(line, problem)] })
}

fn load_folder(
    into: &mut Providers,
    dir: &Path,
    origin: &ProviderOrigin,
    public_url: &str,
) -> Result<(), CatalogError> {
    for path in entries(dir)?.into_iter().filter(|path| path.extension().is_some_and(|it| it == "yaml")) {
        insert(into, read_file(&path)?, origin.clone(), public_url);
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<ProviderFile, CatalogError> {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let stem = stem.ok_or_else(|| CatalogError::BadName { path: path.to_owned() })?;
    let text = fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
    Ok(ProviderFile::parse(&path.display().to_string(), stem, &text)?)
}

/// What a folder holds, in a fixed order.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, CatalogError> {
    let found: Result<Vec<PathBuf>, io::Error> =
        fs::read_dir(dir).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    let mut paths = found.map_err(|source| unreadable(dir, source))?;
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, source: io::Error) -> CatalogError {
    CatalogError::Unreadable { path: path.to_owned(), source }
}
