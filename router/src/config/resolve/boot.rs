//! Boot settings and the limits towards clients.
//!
//! Owns the rules for listeners: at least one, none twice, an admin listener off loopback only with a token.

use super::{Resolver, or};
use crate::config::raw::{RawAdmin, RawCacheDisk, RawConfig, RawListener, RawRecord};
use crate::config::value::{At, Span};
use crate::config::{Admin, Boot, CacheDisk, ClientLimits, Listener, Record, Tls, defaults};
use std::net::SocketAddr;

impl Resolver<'_> {
    pub(super) fn boot(&mut self, raw: &At<RawConfig>) -> Option<Boot> {
        let mut taken = Vec::new();
        let listeners = self.listeners(raw, &mut taken);
        let admin = match &raw.value.admin {
            None => Some(None),
            Some(admin) => self.admin(admin, &mut taken).map(Some),
        };
        let process = raw.value.process.as_ref().map(|process| &process.value);
        let workers = process.and_then(|process| process.workers.as_ref()).map(|workers| workers.value.0 as usize);
        let cache_disk = match process.and_then(|process| process.cache_disk.as_ref()) {
            None => Some(None),
            Some(disk) => self.cache_disk(disk).map(Some),
        };
        let record = match &raw.value.record {
            None => Some(None),
            Some(record) => self.record(record).map(Some),
        };
        let shutdown = raw.value.shutdown.as_ref().and_then(|shutdown| shutdown.value.deadline.as_ref());
        Some(Boot {
            listeners: listeners?,
            admin: admin?,
            // Not known on exotic systems; one worker serves everywhere.
            workers: workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
            shutdown_deadline: shutdown.map_or(defaults::SHUTDOWN_DEADLINE, |deadline| deadline.value.0.0),
            policy_cache: process.and_then(|process| self.path(&process.policy_cache)),
            cache_memory: process.map_or(defaults::CACHE_MEMORY, |process| {
                or(&process.cache_memory, |size| size.0.0, defaults::CACHE_MEMORY)
            }),
            cache_disk: cache_disk?,
            record: record?,
        })
    }

    fn record(&mut self, raw: &At<RawRecord>) -> Option<Record> {
        self.need(&raw.value.file, &raw.span, "file", "a file of this process alone");
        let redact = match &raw.value.redact {
            Some(list) => list.value.iter().map(|field| field.value.0.0.clone()).collect(),
            None => defaults::RECORD_REDACT.map(str::to_owned).to_vec(),
        };
        Some(Record {
            file: self.path(&raw.value.file)?,
            share: or(&raw.value.share, |share| share.0, defaults::RECORD_SHARE),
            size: or(&raw.value.size, |size| size.0.0, defaults::RECORD_SIZE),
            redact,
        })
    }

    fn cache_disk(&mut self, raw: &At<RawCacheDisk>) -> Option<CacheDisk> {
        self.need(&raw.value.path, &raw.span, "path", "a folder of this process alone");
        let size = self.need(&raw.value.size, &raw.span, "size", "what its files may take, such as \"10GiB\"");
        Some(CacheDisk { size: size?.value.0.0, path: self.path(&raw.value.path)? })
    }

    fn listeners(&mut self, raw: &At<RawConfig>, taken: &mut Vec<(SocketAddr, Span)>) -> Option<Vec<Listener>> {
        let list = self.need(&raw.value.listeners, &raw.span, "listeners", "a list of addresses: [[listeners]]")?;
        if list.value.is_empty() && !self.removed.any(&list.span) {
            self.error(&list.span, "there is no listener").help.push("add [[listeners]] with an address".into());
        }
        let listeners: Vec<_> = list.value.iter().map(|listener| self.listener(listener, taken)).collect();
        listeners.into_iter().collect()
    }

    fn listener(&mut self, listener: &At<RawListener>, taken: &mut Vec<(SocketAddr, Span)>) -> Option<Listener> {
        let address = self.need(&listener.value.address, &listener.span, "address", "an IP address and a port");
        if let Some(address) = address {
            self.take_address(address.value.0.0, &address.span, taken);
        }
        let tls = match &listener.value.tls {
            None => Some(None),
            Some(tls) => {
                let certificate = self.need(
                    &tls.value.certificate,
                    &tls.span,
                    "certificate",
                    "a PEM file with the certificate chain",
                );
                let key = self.need(&tls.value.key, &tls.span, "key", "a PEM file with the private key");
                let both = certificate.is_some() && key.is_some();
                let files = self.path(&tls.value.certificate).zip(self.path(&tls.value.key)).filter(|_| both);
                files.map(|(certificate, key)| Some(Tls { certificate, key }))
            }
        };
        Some(Listener { address: address?.value.0.0, tls: tls? })
    }

    /// Reports an address that is used twice. Port 0 is a new port each time.
    fn take_address(&mut self, address: SocketAddr, span: &Span, taken: &mut Vec<(SocketAddr, Span)>) {
        if address.port() == 0 {
            return;
        }
        match taken.iter().find(|(other, _)| *other == address).cloned() {
            Some((_, first)) => self.twice(span, format!("the address {address} is used twice"), &first),
            None => taken.push((address, span.clone())),
        }
    }

    /// An error that names both of its places.
    pub(super) fn twice(&mut self, span: &Span, message: String, first: &Span) {
        let place = self.source.place(first.start);
        self.error(span, message).note = Some(crate::config::Note { message: "the first is".into(), place });
    }

    fn admin(&mut self, admin: &At<RawAdmin>, taken: &mut Vec<(SocketAddr, Span)>) -> Option<Admin> {
        let written = admin.value.address.as_ref();
        let default = || defaults::ADMIN_ADDRESS.parse().expect("the default is an address");
        let address: SocketAddr = written.map_or_else(default, |address| address.value.0.0);
        let span = written.map_or(&admin.span, |address| &address.span);
        self.take_address(address, span, taken);
        let token = self.admin_token(admin)?;
        let token_is_wrong = self.removed.key(&admin.span, "token") || self.removed.key(&admin.span, "token_file");
        if !address.ip().is_loopback() && token.is_none() && !token_is_wrong {
            let error = self.error(span, format!("the admin listener on {address} has no token"));
            error.help.push("anything but loopback needs `token` or `token_file`".into());
            return None;
        }
        Some(Admin { address, token })
    }

    pub(super) fn client(&self, raw: &At<RawConfig>) -> ClientLimits {
        let client = raw.value.client.as_ref().map(|client| &client.value);
        let time = |field: Option<_>, default| field.map_or(default, |limit: &At<_>| limit_of(limit));
        ClientLimits {
            header_timeout: time(client.and_then(|c| c.header_timeout.as_ref()), defaults::HEADER_TIMEOUT),
            idle_timeout: time(client.and_then(|c| c.idle_timeout.as_ref()), defaults::IDLE_TIMEOUT),
            body_timeout: time(client.and_then(|c| c.body_timeout.as_ref()), defaults::BODY_TIMEOUT),
            write_timeout: time(client.and_then(|c| c.write_timeout.as_ref()), defaults::WRITE_TIMEOUT),
            head_max: client.map_or(defaults::HEAD_MAX, |c| or(&c.head_max, |size| size.0.0, defaults::HEAD_MAX))
                as usize,
            connections_max: client.map_or(defaults::CONNECTIONS_MAX, |c| {
                or(&c.connections_max, |count| count.0, defaults::CONNECTIONS_MAX)
            }) as usize,
        }
    }
}

fn limit_of(limit: &At<crate::config::value::Written<crate::config::raw::Limit>>) -> std::time::Duration {
    limit.value.0.0
}
