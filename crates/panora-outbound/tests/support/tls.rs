//! TLS receivers on loopback, their certificates, and clients that trust them.

use std::sync::Arc;

use panora_outbound::{Outbound, Resolver, Settings};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use url::Url;

use super::{Receiver, local_policy, receiver, settings};

pub const NAME: &str = "hook.example";

/// A chain, the receiver's own certificate first, and its key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

/// A certificate for [`NAME`] that signs itself; `changed` may spoil it.
pub fn self_signed(changed: impl FnOnce(&mut CertificateParams)) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
    changed(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    Identity { chain: vec![certificate.der().clone()], key: PrivateKeyDer::Pkcs8(key.serialize_der().into()) }
}

/// A TLS receiver that speaks one of `protocols` (none: it knows no ALPN) and hands each secured connection
/// to `serve`.
pub async fn secure<F>(
    identity: Identity,
    protocols: &[&'static [u8]],
    serve: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
) -> Receiver
where
    F: Future<Output = ()> + Send + 'static,
{
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(identity.chain, identity.key).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    receiver(move |stream| {
        let (acceptor, serve) = (acceptor.clone(), serve.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream).await;
            }
        }
    })
    .await
}

/// A client for which every name is loopback and `roots` are authorities.
pub fn trusting(roots: Vec<CertificateDer<'static>>) -> Outbound {
    let resolver = Resolver::given(|_| vec!["127.0.0.1".parse().unwrap()]);
    Outbound::new(local_policy(), Settings { resolver, extra_roots: roots, ..settings() })
}

pub fn https(name: &str, receiver: &Receiver) -> Url {
    format!("https://{name}:{}/", receiver.address.port()).parse().unwrap()
}
