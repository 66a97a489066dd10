//! TLS is always verified, and failures say what is wrong with the other side.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use panora_outbound::{Outbound, OutboundError, TlsFault};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use support::tls::{Identity, NAME, https, secure, self_signed, trusting};
use support::{OK, Receiver, answering, get, receiver};
use url::Url;

/// A receiver that answers `ok` over whatever HTTP was agreed on.
async fn serving(identity: Identity, protocols: &[&'static [u8]]) -> Receiver {
    secure(identity, protocols, |stream| async move {
        let service = service_fn(|request: http::Request<hyper::body::Incoming>| async move {
            let version = format!("{:?}", request.version());
            Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(version))))
        });
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let io = TokioIo::new(stream);
        let _ = if h2 {
            http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await
        } else {
            http1::Builder::new().serve_connection(io, service).await
        };
    })
    .await
}

/// An authority, and a certificate that it made for [`NAME`].
fn issued(changed: impl FnOnce(&mut CertificateParams)) -> (CertificateDer<'static>, Identity) {
    let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap().der().clone();
    let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
    changed(&mut params);
    let leaf = params.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    (root, Identity { chain: vec![leaf.der().clone()], key })
}

async fn fault(client: &Outbound, url: &Url) -> OutboundError {
    client.send(get(url)).await.unwrap_err().error
}

#[tokio::test]
async fn a_certificate_of_that_name_from_a_trusted_authority_connects() {
    let (root, identity) = issued(|_| {});
    let receiver = serving(identity, &[b"http/1.1"]).await;
    let answer = trusting(vec![root]).send(get(&https(NAME, &receiver))).await.unwrap();
    assert_eq!(answer.status.as_u16(), 200);
    assert!(answer.trace.tls.is_some());
}

#[tokio::test]
async fn the_receiver_chooses_the_newest_http_that_both_know() {
    for (protocols, spoken) in [
        (&[&b"h2"[..], b"http/1.1"][..], "HTTP/2.0"),
        (&[&b"h2"[..]][..], "HTTP/2.0"),
        (&[&b"http/1.1"[..]][..], "HTTP/1.1"),
        (&[][..], "HTTP/1.1"),
    ] {
        let identity = self_signed(|_| {});
        let client = trusting(identity.chain.clone());
        let receiver = serving(identity, protocols).await;
        let answer = client.send(get(&https(NAME, &receiver))).await.unwrap();
        assert_eq!(&answer.body[..], spoken.as_bytes(), "{protocols:?}");
    }
}

#[tokio::test]
async fn requests_share_one_connection() {
    for protocol in [&b"h2"[..], b"http/1.1"] {
        let identity = self_signed(|_| {});
        let client = trusting(identity.chain.clone());
        let receiver = serving(identity, &[protocol]).await;
        let url = https(NAME, &receiver);
        for first in [true, false, false] {
            let trace = client.send(get(&url)).await.unwrap().trace;
            assert_eq!((trace.tls.is_some(), trace.address), (first, Some(receiver.address)));
        }
        assert_eq!(receiver.connections(), 1);
    }
}

#[tokio::test]
async fn a_name_with_its_trailing_dot_is_the_name_in_the_certificate() {
    let identity = self_signed(|_| {});
    let client = trusting(identity.chain.clone());
    let receiver = serving(identity, &[b"http/1.1"]).await;
    assert!(client.send(get(&https("hook.example.", &receiver))).await.is_ok());
}

#[tokio::test]
async fn an_address_needs_a_certificate_of_that_address() {
    for (subject, expected) in
        [("127.0.0.1", None), ("127.0.0.2", Some(TlsFault::WrongName)), (NAME, Some(TlsFault::WrongName))]
    {
        let (root, identity) =
            issued(|params| *params = CertificateParams::new([subject.to_owned()]).unwrap());
        let receiver = serving(identity, &[b"http/1.1"]).await;
        let failed = trusting(vec![root]).send(get(&https("127.0.0.1", &receiver))).await.err();
        assert_eq!(failed.map(|failure| failure.error), expected.map(OutboundError::TlsFailed), "{subject}");
    }
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let (_, identity) = issued(|_| {});
    let receiver = serving(identity, &[b"http/1.1"]).await;
    let error = fault(&trusting(Vec::new()), &https(NAME, &receiver)).await;
    assert_eq!(error, OutboundError::TlsFailed(TlsFault::Untrusted));
}

#[tokio::test]
async fn a_certificate_that_signs_itself_is_not_trusted() {
    let receiver = serving(self_signed(|_| {}), &[b"http/1.1"]).await;
    let error = fault(&trusting(Vec::new()), &https(NAME, &receiver)).await;
    assert_eq!(error, OutboundError::TlsFailed(TlsFault::Untrusted));
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let (root, identity) = issued(|_| {});
    let receiver = serving(identity, &[b"http/1.1"]).await;
    let error = fault(&trusting(vec![root]), &https("other.example", &receiver)).await;
    assert_eq!(error, OutboundError::TlsFailed(TlsFault::WrongName));
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_refused() {
    let expired = issued(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let future = issued(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
    for (root, identity) in [expired, future] {
        let receiver = serving(identity, &[b"http/1.1"]).await;
        let error = fault(&trusting(vec![root]), &https(NAME, &receiver)).await;
        assert_eq!(error, OutboundError::TlsFailed(TlsFault::Expired));
    }
}

#[tokio::test]
async fn a_certificate_for_another_purpose_is_refused() {
    let (root, identity) =
        issued(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let receiver = serving(identity, &[b"http/1.1"]).await;
    let error = fault(&trusting(vec![root]), &https(NAME, &receiver)).await;
    assert_eq!(error, OutboundError::TlsFailed(TlsFault::Untrusted));
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
