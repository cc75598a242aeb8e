//! Binds the addresses on which clients and operators connect.
//!
//! Owns that every worker has a socket of its own on each address (SO_REUSEPORT: the kernel spreads connections), and
//! that an address in use is an error: a socket without SO_REUSEPORT is tried first, because with it another process
//! of the same user would silently share the port. Called by `app` at start.

use crate::config::Listener;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Connections that may wait to be accepted; the kernel caps it (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}{advice}")]
pub struct ListenError {
    address: SocketAddr,
    cause: io::Error,
    advice: String,
}

impl ListenError {
    fn new(address: SocketAddr, cause: io::Error) -> Self {
        let advice = match cause.kind() {
            io::ErrorKind::AddrInUse => format!(
                "\n  another process listens there (`ss -ltnp 'sport = :{}'` shows it); stop it or choose another port",
                address.port()
            ),
            io::ErrorKind::PermissionDenied => "\n  ports below 1024 need CAP_NET_BIND_SERVICE (`setcap \
                 cap_net_bind_service=+ep portolan`, or AmbientCapabilities in systemd); or choose a port from 1024 on"
                .to_owned(),
            io::ErrorKind::AddrNotAvailable => {
                "\n  no interface of this machine has that address; 0.0.0.0 or [::] is any of them".to_owned()
            }
            _ => String::new(),
        };
        Self { address, cause, advice }
    }
}

/// Bound sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    /// For each worker one socket per listener.
    pub(super) workers: Vec<Vec<TcpListener>>,
    /// The addresses with their real ports.
    pub(super) addresses: Vec<SocketAddr>,
}

/// Binds every listener for every worker.
pub(super) fn bind(listeners: &[Listener], workers: usize) -> Result<Sockets, ListenError> {
    let mut all = Sockets { workers: (0..workers.max(1)).map(|_| Vec::new()).collect(), addresses: Vec::new() };
    for listener in listeners {
        let mut address = listener.address;
        let failed = |cause| ListenError::new(listener.address, cause);
        drop(socket(address, false).map_err(failed)?);
        for sockets in &mut all.workers {
            let socket = socket(address, true).map_err(failed)?;
            // With port 0 the first worker's socket learns the port, the others take it.
            address = socket.local_addr().map_err(failed)?;
            sockets.push(socket);
        }
        all.addresses.push(address);
    }
    Ok(all)
}

/// Binds the admin address.
pub(super) fn admin(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let failed = |cause| ListenError::new(address, cause);
    let socket = socket(address, false).map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?;
    Ok((socket, bound))
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for connections of the process before to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    // Only a listening socket conflicts with another one, so the trial listens too.
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn listener(address: &str) -> Listener {
        Listener { address: address.parse().unwrap(), tls: None }
    }

    #[test]
    fn every_worker_has_the_same_port() {
        let sockets = bind(&[listener("127.0.0.1:0"), listener("127.0.0.1:0")], 3).unwrap();
        assert_eq!(sockets.workers.len(), 3);
        for worker in &sockets.workers {
            let bound: Vec<_> = worker.iter().map(|socket| socket.local_addr().unwrap()).collect();
            assert_eq!(bound, sockets.addresses);
        }
        assert!(sockets.addresses.iter().all(|address| address.port() != 0));
    }

    #[test]
    fn a_port_in_use_is_found_also_when_it_is_shared() {
        for shared in [false, true] {
            let taken = socket("127.0.0.1:0".parse().unwrap(), shared).unwrap();
            let address = taken.local_addr().unwrap();
            let error = bind(&[Listener { address, tls: None }], 1).unwrap_err().to_string();
            assert!(error.contains(&address.to_string()) && error.contains("another process listens there"), "{error}");
            assert!(admin(address).is_err());
        }
    }

    #[test]
    fn an_address_of_another_machine_is_explained() {
        let error = bind(&[listener("192.0.2.1:0")], 1).unwrap_err().to_string();
        assert!(error.contains("no interface of this machine has that address"), "{error}");
    }
}
