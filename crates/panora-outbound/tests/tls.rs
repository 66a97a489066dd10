//! TLS is always verified, and failures say what is wrong with the other side.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use panora_outbound::{Outbound, OutboundError, Resolver, Settings, TlsFault};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use support::{OK, Receiver, answering, get, local_policy, receiver, settings};
use tokio_rustls::TlsAcceptor;
use url::Url;

const NAME: &str = "hook.example";

/// A certificate for [`NAME`] with its key; `changed` may spoil it.
fn certificate(
    changed: impl FnOnce(&mut CertificateParams),
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
    changed(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into()))
}

/// A TLS receiver that speaks the first of `protocols` that the client offers.
async fn secure(
    (certificate, key): (CertificateDer<'static>, PrivateKeyDer<'static>),
    protocol: &'static [u8],
) -> Receiver {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    receiver(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|_| async {
                Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(b"ok"))))
            });
            let io = TokioIo::new(stream);
            let _ = match protocol {
                b"h2" => http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await,
                _ => http1::Builder::new().serve_connection(io, service).await,
            };
        }
    })
    .await
}

fn trusting(roots: Vec<CertificateDer<'static>>) -> Outbound {
    let resolver = Resolver::given(|_| vec!["127.0.0.1".parse().unwrap()]);
    Outbound::new(local_policy(), Settings { resolver, extra_roots: roots, ..settings() })
}

fn https(name: &str, receiver: &Receiver) -> Url {
    format!("https://{name}:{}/", receiver.address.port()).parse().unwrap()
}

async fn fault(client: &Outbound, url: &Url) -> OutboundError {
    client.send(get(url)).await.unwrap_err().error
}

#[tokio::test]
async fn a_trusted_certificate_of_that_name_connects() {
    let made = certificate(|_| {});
    let client = trusting(vec![made.0.clone()]);
    let receiver = secure(made, b"http/1.1").await;
    let answer = client.send(get(&https(NAME, &receiver))).await.unwrap();
    assert_eq!(&answer.body[..], b"ok");
    assert!(answer.trace.tls.is_some());
}

#[tokio::test]
async fn http2_requests_share_one_connection() {
    let made = certificate(|_| {});
    let client = trusting(vec![made.0.clone()]);
    let receiver = secure(made, b"h2").await;
    let url = https(NAME, &receiver);
    for _ in 0..3 {
        assert_eq!(&client.send(get(&url)).await.unwrap().body[..], b"ok");
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let receiver = secure(certificate(|_| {}), b"http/1.1").await;
    let error = fault(&trusting(Vec::new()), &https(NAME, &receiver)).await;
    assert_eq!(error, OutboundError::TlsFailed(TlsFault::Untrusted));
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let made = certificate(|_| {});
    let client = trusting(vec![made.0.clone()]);
    let receiver = secure(made, b"http/1.1").await;
    let error = fault(&client, &https("other.example", &receiver)).await;
    assert_eq!(error, OutboundError::TlsFailed(TlsFault::WrongName));
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let made = certificate(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let client = trusting(vec![made.0.clone()]);
    let receiver = secure(made, b"http/1.1").await;
    let error = fault(&client, &https(NAME, &receiver)).await;
    assert_eq!(error, OutboundError::TlsFailed(TlsFault::Expired));
}

#[tokio::test]
async fn a_plain_http_port_is_told_as_such() {
    let receiver = receiver(|mut stream| async move {
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut Vec::new()).await;
    })
    .await;
    let error = fault(&trusting(Vec::new()), &https(NAME, &receiver)).await;
    assert_eq!(error, OutboundError::TlsFailed(TlsFault::NotTls));
}

#[tokio::test]
async fn an_address_of_a_private_network_may_use_plain_http() {
    let receiver = answering(OK).await;
    assert!(trusting(Vec::new()).send(get(&receiver.named(NAME))).await.is_ok());
}
