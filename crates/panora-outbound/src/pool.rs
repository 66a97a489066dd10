//! The pools of connections, and what a peer may do to one. It judges no address: its connector does.

use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::connect::Connector;
use crate::upload::Outgoing;

pub(crate) type Pool = Client<Connector, Outgoing>;

/// An answer's status line and headers together are cut off beyond this many bytes.
const MAX_HEADER_BYTES: u32 = 64 * 1024;
/// What a peer may send unasked over HTTP/2: for one answer, and for all answers of a connection.
const H2_STREAM_WINDOW: u32 = 256 * 1024;
const H2_CONNECTION_WINDOW: u32 = 1024 * 1024;
/// A quiet HTTP/2 connection is asked for a sign of life this often while requests wait on it.
const H2_PING_EVERY: Duration = Duration::from_secs(10);

/// Repeats nothing of which a byte may have gone out: hyper hands such a request back to nobody. One that
/// found its connection closed before it was begun goes out on another.
pub(crate) fn pool(connector: Connector, idle_per_host: usize, idle_time: Duration) -> Pool {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(idle_per_host)
        .pool_idle_timeout(idle_time)
        .retry_canceled_requests(true)
        .http1_max_buf_size(MAX_HEADER_BYTES as usize)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_initial_stream_window_size(H2_STREAM_WINDOW)
        .http2_initial_connection_window_size(H2_CONNECTION_WINDOW)
        .http2_keep_alive_interval(H2_PING_EVERY)
        .http2_keep_alive_timeout(H2_PING_EVERY)
        .build(connector)
}
