//! The limits' part of a run: what a sender does that promises less. They run in this process, and its CPU time is
//! theirs.

use std::sync::Arc;
use std::time::Duration;

use crate::because;
use crate::bench::{Bench, Pair};
use crate::commit::Committer;
use crate::load::Caller;
use crate::measure::Setting;
use crate::post::{Poster, Template, pooled};
use crate::usage::Processes;

const PATIENCE: Duration = Duration::from_secs(10);
/// Few callers wait for one commit after another, and the posts at full speed would take all day.
const MOST: Duration = Duration::from_secs(15);

impl Bench<'_> {
    /// The bare client, or with a committer the one that commits first.
    pub async fn measure_limit(
        &mut self,
        template: &Template,
        committer: Option<Committer>,
    ) -> Result<Pair, String> {
        let urls = (0..self.args.endpoints).map(|endpoint| self.receiver.url(endpoint, None).parse());
        let urls = urls.collect::<Result<_, _>>().map_err(because("an endpoint"))?;
        let poster = Arc::new(Poster { client: pooled(), urls, template: template.clone(), committer });
        let callers = (0..self.args.callers).map(|_| Caller::Post(poster.clone())).collect();
        let setting = Setting { processes: Processes::own(), copies: 1, patience: PATIENCE };
        let callers = self.warm_up(callers, setting).await?;
        let count = if self.args.events > 0 { self.args.posts() } else { 0 };
        self.measure_pair(callers, (count, MOST), setting).await
    }
}
