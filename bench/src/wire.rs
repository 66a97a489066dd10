//! One keep-alive HTTP/1.1 connection to this machine. It never opens a second one: a broken one ends the run.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::request::Builder;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::because;

pub struct Wire {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Wire {
    /// Connects to a port of this machine.
    pub async fn open(port: u16) -> Result<Self, String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect(address).await.map_err(because("no connection"))?;
        stream.set_nodelay(true).map_err(because("no connection"))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(because("no connection"))?;
        // Its errors come to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_string() })
    }

    /// The beginning of a request; its target is a path.
    pub fn request(&self, method: Method, target: &str) -> Builder {
        Request::builder().method(method).uri(target).header(header::HOST, &self.host)
    }

    pub async fn send(&mut self, request: Builder, body: Bytes) -> Result<Answer, String> {
        let request = request.body(Full::new(body)).map_err(because("no request"))?;
        self.sender.ready().await.map_err(because("a connection was closed"))?;
        let response = self.sender.send_request(request).await.map_err(because("no answer"))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(because("half an answer"))?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    pub async fn get(&mut self, target: &str) -> Result<Answer, String> {
        let request = self.request(Method::GET, target);
        self.send(request, Bytes::new()).await?.expect(StatusCode::OK, target)
    }
}

impl Answer {
    /// This answer, if it has that status; otherwise what came instead.
    pub fn expect(self, status: StatusCode, asked: &str) -> Result<Self, String> {
        if self.status == status {
            return Ok(self);
        }
        let text: String = String::from_utf8_lossy(&self.body).chars().take(600).collect();
        Err(format!("{asked} answered {} instead of {status}: {text}", self.status))
    }
}
