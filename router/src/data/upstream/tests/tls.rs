//! TLS on both sides: the pool talks to our own server side over rustls.

use std::sync::Arc;

use http::{Request, Response};
use http_body_util::BodyExt;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;

use super::{bytes, get, pool, post, run, send_to};
use crate::data::body::Body;
use crate::data::h1::{Drain, ServerSettings, serve_connection};
use crate::data::upstream::{FailureKind, Origin, Timeouts};

fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["origin.example".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

#[test]
fn exchanges_run_over_tls() {
    run(async {
        let (server, client) = configs();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        spawn_local(async move {
            let acceptor = TlsAcceptor::from(server);
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                // A client that distrusts us ends the handshake.
                let Ok(stream) = acceptor.accept(socket).await else { continue };
                let service = async |request: Request<Body>| Response::new(request.into_body());
                spawn_local(async move {
                    serve_connection(stream, &ServerSettings::default(), service, &Drain::new()).await
                });
            }
        });
        let pool = pool();
        let name = |text: &'static str| ServerName::try_from(text).unwrap();
        let origin = Origin::tls(address, client.clone(), name("origin.example"));
        for size in [0, 10, 1 << 20] {
            let body = Body::full(vec![b'x'; size]);
            let response = send_to(&pool, &origin, post(body), &Timeouts::default()).await.unwrap();
            assert_eq!(bytes(response).await.len(), size);
        }
        assert_eq!((pool.stats().created, pool.stats().reused), (1, 2));
        let response = send_to(&pool, &origin, get(), &Timeouts::default()).await.unwrap();
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());

        let other = Origin::tls(address, client, name("other.example"));
        assert_ne!(other, origin);
        let failure = send_to(&pool, &other, get(), &Timeouts::default()).await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Tls(_)), "{failure:?}");
        assert_eq!(pool.stats().open, 1);
    });
}
