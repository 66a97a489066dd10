//! https for many names at once, with a certificate of the double's own.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Where it listens, and the authority of its certificate.
pub struct Listening {
    pub address: SocketAddr,
    pub root: CertificateDer<'static>,
}

/// Connections whose handshake is done.
pub struct Secured {
    address: SocketAddr,
    arrived: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

pub async fn listen(names: &BTreeSet<String>) -> (Secured, Listening) {
    let key = KeyPair::generate().expect("a key can be made");
    let params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>()).expect("they are names");
    let certificate = params.self_signed(&key).expect("a certificate can be made");
    let root = certificate.der().clone();
    let acceptor = acceptor(root.clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port has an address");
    let (arrivals, arrived) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let (acceptor, arrivals) = (acceptor.clone(), arrivals.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    drop(arrivals.send((stream, peer)).await);
                }
            });
        }
    });
    (Secured { address, arrived }, Listening { address, root })
}

fn acceptor(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("ring supports the default versions of TLS").with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate], key).expect("they belong together");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        match self.arrived.recv().await {
            Some(arrived) => arrived,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
