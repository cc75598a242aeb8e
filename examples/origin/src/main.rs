//! The demo's application server: one endpoint of one region, with real sessions kept per region.
//!
//! Owns the command line and the accept loop, and prints `listening on ADDR` once it can be asked. What is
//! answered is `api`'s, what is remembered is `store`'s, being switched off is `switch`'s. It never routes,
//! retries or talks to another origin: it is what a router stands in front of.
//! Started by `cargo xtask demo` and by the end-to-end tests.

mod answer;
mod api;
mod session;
mod store;
mod switch;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::api::Origin;

/// Command line of the demo origin.
#[derive(Debug, Parser)]
#[command(name = "demo-origin", version, about)]
struct Arguments {
    /// Address to serve on; port 0 takes a free one and prints it.
    #[arg(long)]
    listen: SocketAddr,
    /// Region that this server stands in, such as `eu-frankfurt`.
    #[arg(long)]
    region: String,
    /// Name of this server within the demo, such as `fra-a`.
    #[arg(long)]
    endpoint: String,
    /// Folder of the session stores, one folder for each region inside it.
    #[arg(long)]
    data: PathBuf,
    /// A second address that serves `/control/*` only; `listen` serves it as well.
    #[arg(long)]
    control: Option<SocketAddr>,
    /// End when standard input closes, so that no server outlives the program that started it.
    #[arg(long)]
    stop_on_eof: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let origin = Arc::new(Origin::open(&arguments.data, &arguments.region, &arguments.endpoint)?);
    let listener = bind(arguments.listen).await?;
    if let Some(address) = arguments.control {
        let control = bind(address).await?;
        say("control on", control.local_addr()?)?;
        let origin = Arc::clone(&origin);
        tokio::spawn(serve(control, origin, Surface::ControlOnly));
    }
    say("listening on", listener.local_addr()?)?;
    tokio::select! {
        () = serve(listener, origin, Surface::Whole) => {}
        () = end_of_input(), if arguments.stop_on_eof => {}
    }
    Ok(())
}

/// What a listening address serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surface {
    /// The application and its switch.
    Whole,
    /// The switch alone.
    ControlOnly,
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// One line on standard output, at once, for the program that waits for it.
fn say(what: &str, address: SocketAddr) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what} {address}")?;
    out.flush()?;
    Ok(())
}

async fn serve(listener: TcpListener, origin: Arc<Origin>, surface: Surface) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of descriptors, most likely: let the open connections end first.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let origin = Arc::clone(&origin);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let origin = Arc::clone(&origin);
                async move {
                    match surface {
                        Surface::Whole => api::answer(&origin, peer, request).await,
                        Surface::ControlOnly => api::answer_control(&origin, &request),
                    }
                }
            });
            // An error is a client that left, or a region that is switched off: both end the connection.
            let _ =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Waits for the end of standard input, on a thread of its own: such a read cannot be cancelled.
async fn end_of_input() {
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}
