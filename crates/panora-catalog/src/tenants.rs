//! Which site or company a connection is for, where one grant covers several. Nothing of a foreign host is offered.

use serde_json::Value;

use crate::credential::Credential;
use crate::file::Source;
use crate::provider::Provider;
use crate::request::HttpRequest;
use crate::values::{RenderError, Values, Variables};

/// As many as are offered.
const MOST: usize = 500;

/// One site or company that the person may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub name: String,
    /// The variables that make a connection one of this tenant.
    pub kept: Variables,
}

impl Provider {
    /// The request that lists the tenants of a grant; none where a grant is for one alone.
    pub fn tenants_request(
        &self,
        credential: &Credential,
        variables: &Variables,
    ) -> Result<Option<HttpRequest>, RenderError> {
        let Some(tenants) = &self.file.tenants else { return Ok(None) };
        let carried = self.carried(credential, variables, true)?;
        self.render_with(&tenants.request, carried, variables).map(Some)
    }

    /// Reads the answer to it. An entry without a name, or with a value that the file does not allow, is left out.
    /// With one tenant there is nothing to choose; with none the person has nothing to connect.
    pub fn read_tenants(&self, body: &Value, variables: &Variables) -> Vec<Tenant> {
        let Some(tenants) = &self.file.tenants else { return Vec::new() };
        let list = tenants.list.as_ref().map_or(Some(body), |pointer| body.pointer(pointer.as_str()));
        let entries = match list {
            Some(Value::Array(entries)) => entries.as_slice(),
            Some(one @ Value::Object(_)) => std::slice::from_ref(one),
            _ => &[],
        };
        let values = Values::new(self, variables);
        let read = |entry: &Value| {
            let name = tenants.name.iter().find_map(|template| values.text_from(template, entry))?;
            Some(Tenant { name, kept: self.kept_from_tenant(entry)? })
        };
        entries.iter().take(MOST).filter_map(read).collect()
    }

    fn kept_from_tenant(&self, entry: &Value) -> Option<Variables> {
        let kept = self.keep(entry, |source| match source {
            Source::Tenant(pointer) => Some(pointer.as_str()),
            _ => None,
        });
        kept.ok().filter(|kept| !kept.is_empty())
    }
}
