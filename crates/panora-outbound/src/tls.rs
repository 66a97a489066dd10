//! TLS towards the outside: whom we trust, and what a failed handshake means. Verification is never
//! switched off.

use std::io;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::error::{OutboundError, TlsFault};

/// Mozilla's roots are built in, since a container may have none; the system's are added, since a company's
/// own authority lives there (`SSL_CERT_FILE` and `SSL_CERT_DIR` count).
pub(crate) fn connector(extra_roots: Vec<CertificateDer<'static>>) -> TlsConnector {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(extra_roots);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// What an I/O error of a TLS stream means.
pub(crate) fn failure(error: &io::Error) -> OutboundError {
    let fault = match rustls_error(error) {
        Some(error) => fault(error),
        None => TlsFault::Other,
    };
    OutboundError::TlsFailed(fault)
}

/// The TLS error inside an I/O error, if there is one.
pub(crate) fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn fault(error: &rustls::Error) -> TlsFault {
    use CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                TlsFault::Expired
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => TlsFault::WrongName,
            _ => TlsFault::Untrusted,
        },
        rustls::Error::InvalidMessage(_) => TlsFault::NotTls,
        _ => TlsFault::Other,
    }
}
