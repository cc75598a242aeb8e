//! Services: policies by name, steering, sessions, retries, time limits.
//!
//! Owns how a service's keys become `steer`'s settings. Regions are `region`'s part, probes `health`'s.

use super::{Resolver, known, or, shared};
use crate::config::raw::{
    Limit, RawAffinity, RawBalance, RawConfig, RawMetric, RawMode, RawQueue, RawRetry, RawService, RawTimeouts,
};
use crate::config::read::nearest;
use crate::config::value::{At, FreeText, Name, TextField, Written};
use crate::config::{Affinity, OriginTls, Queue, Retry, Service, Timeouts, defaults};
use crate::steer::table::{AffinityMode, Balance, Metric, Steering};
use std::time::Duration;

impl Resolver<'_> {
    pub(super) fn services(&mut self, raw: &At<RawConfig>, all_tls: bool) -> Option<Vec<Service>> {
        let named = raw.value.services.iter().flat_map(|services| &services.value.0);
        let services: Vec<_> = named.map(|(name, service)| self.service(raw, name, service, all_tls)).collect();
        services.into_iter().collect()
    }

    fn service(
        &mut self,
        config: &At<RawConfig>,
        name: &At<Written<Name>>,
        service: &At<RawService>,
        all_tls: bool,
    ) -> Option<Service> {
        let raw = &service.value;
        let policies = self.policy_indices(config, raw);
        let regions = self.regions(name, service);
        let fence = match &raw.fence {
            None => Some(None),
            Some(fence) => self.fence(fence, raw).map(Some),
        };
        let health = self.health(raw);
        let cache_agrees = raw.cache.as_ref().is_none_or(|cache| self.cache_agrees(cache, None));
        cache_agrees.then_some(())?;
        Some(Service {
            name: shared(name),
            policies: policies?,
            steering: steering(raw),
            fence: fence?,
            affinity: raw.affinity.as_ref().map(|affinity| session(&affinity.value, all_tls)),
            retry: retry(raw.retry.as_ref().map(|retry| &retry.value)),
            timeout: timeouts(raw.timeout.as_ref().map(|timeout| &timeout.value)),
            queue: queue(raw.queue.as_ref().map(|queue| &queue.value)),
            health: health?,
            origin_tls: self.origin_tls(raw)?,
            regions: regions?,
        })
    }

    fn policy_indices(&mut self, config: &At<RawConfig>, raw: &RawService) -> Option<Vec<usize>> {
        let defined = config.value.policies.as_ref();
        let names = || defined.iter().flat_map(|named| &named.value.0).map(|(name, _)| name.value.0.0.as_str());
        let taken_out = |name: &str| match defined {
            Some(named) => self.removed.key(&named.span, name),
            None => self.removed.key(&config.span, "policies"),
        };
        let mut indices = Vec::new();
        let mut wrong: Vec<(&At<Written<FreeText>>, String, String)> = Vec::new();
        for name in raw.policies.iter().flat_map(|list| &list.value) {
            let text = name.value.0.0.as_str();
            match names().position(|known| known == text) {
                Some(index) if indices.contains(&index) => {
                    wrong.push((name, format!("the policy \"{text}\" is named twice"), "keep one of them".into()));
                }
                Some(index) => indices.push(index),
                None if taken_out(text) => {}
                None => wrong.push((name, format!("there is no policy \"{text}\""), known(names()))),
            }
        }
        let fine = wrong.is_empty();
        for (name, message, help) in wrong {
            let error = self.error(&name.span, message);
            error.help.extend(
                nearest(&name.value.0.0, names())
                    .filter(|near| *near != name.value.0.0)
                    .map(|near| format!("did you mean \"{near}\"?")),
            );
            error.help.push(help);
        }
        let list = raw.policies.as_ref().map_or(&[][..], |list| &list.value);
        // With a name missing the two lists do not run side by side.
        (fine && (list.len() != indices.len() || self.replaced_are_there(config, list, &indices))).then_some(indices)
    }

    fn origin_tls(&mut self, raw: &RawService) -> Option<OriginTls> {
        let Some(tls) = &raw.tls else { return Some(OriginTls::default()) };
        let server_name = tls.value.server_name.as_ref();
        if let Some(name) = server_name
            && rustls::pki_types::ServerName::try_from(name.value.0.0.as_str()).is_err()
        {
            let error =
                self.error(&name.span, format!("{:?} is not a name that a certificate can have", name.value.0.0));
            error.help.push("accepted: a DNS name or an IP address".into());
            return None;
        }
        Some(OriginTls { ca: self.path(&tls.value.ca), server_name: server_name.map(|name| name.value.0.0.clone()) })
    }
}

fn steering(raw: &RawService) -> Steering {
    let band = raw.tie_band.as_ref().map(|band| &band.value);
    let affinity = raw.affinity.as_ref().map(|affinity| &affinity.value);
    let retry = raw.retry.as_ref().map(|retry| &retry.value);
    Steering {
        metric: or(&raw.metric, metric, Metric::ClientDistance),
        tie_band_km: band.and_then(|b| b.distance.as_ref()).map_or(defaults::TIE_DISTANCE_KM, |km| km.value.0.0),
        tie_band_rtt: band.and_then(|b| b.rtt.as_ref()).map_or(defaults::TIE_RTT, |rtt| rtt.value.0.0),
        balance: or(&raw.balance, balance, Balance::PowerOfTwo),
        affinity: affinity.map(|affinity| or(&affinity.mode, mode, AffinityMode::Sticky)),
        failback_after: affinity
            .and_then(|affinity| affinity.failback.as_ref())
            .map_or(defaults::AFFINITY_FAILBACK, |time| time.value.0.0),
        panic_below: or(&raw.panic, |share| share.0, defaults::PANIC_BELOW),
        spill_from: or(&raw.spill_from, |share| share.0, defaults::SPILL_FROM),
        slow_start: or(&raw.slow_start, |time| time.0.0, defaults::SLOW_START),
        // At most 2, or it would not have been read.
        retries: retry.and_then(|retry| retry.attempts.as_ref()).map_or(defaults::RETRY_ATTEMPTS, |n| n.value.0) as u8,
    }
}

fn session(raw: &RawAffinity, all_tls: bool) -> Affinity {
    let default = if all_tls { defaults::COOKIE_TLS } else { defaults::COOKIE_PLAIN };
    let cookie = raw.cookie.as_ref().map_or(default, |name| name.value.0.0.as_str());
    // Browsers compare the prefixes without regard to case (RFC 6265bis, section 5.7).
    let lower = cookie.to_ascii_lowercase();
    Affinity {
        cookie: cookie.into(),
        secure: all_tls || lower.starts_with("__host-") || lower.starts_with("__secure-"),
        idle: or(&raw.idle, |time| time.0.0, defaults::AFFINITY_IDLE),
        lifetime: or(&raw.lifetime, |time| time.0.0, defaults::AFFINITY_LIFETIME),
    }
}

fn retry(raw: Option<&RawRetry>) -> Retry {
    Retry {
        budget: raw.map_or(defaults::RETRY_BUDGET, |r| or(&r.budget, |share| share.0, defaults::RETRY_BUDGET)),
        floor_per_s: raw.map_or(defaults::RETRY_FLOOR, |r| or(&r.floor, |count| count.0, defaults::RETRY_FLOOR)),
        body_max: raw.map_or(defaults::RETRY_BODY, |r| or(&r.body, |size| size.0.0, defaults::RETRY_BODY)) as usize,
    }
}

fn timeouts(raw: Option<&RawTimeouts>) -> Timeouts {
    let time = |field: fn(&RawTimeouts) -> &TextField<Limit>, default: Duration| {
        raw.map_or(default, |t| or(field(t), |time| time.0.0, default))
    };
    Timeouts {
        connect: time(|t| &t.connect, defaults::CONNECT_TIMEOUT),
        response: time(|t| &t.response, defaults::RESPONSE_TIMEOUT),
        total: time(|t| &t.total, defaults::TOTAL_TIMEOUT),
        idle: time(|t| &t.idle, defaults::BODY_IDLE_TIMEOUT),
        tunnel: time(|t| &t.tunnel, defaults::TUNNEL_TIMEOUT),
    }
}

fn queue(raw: Option<&RawQueue>) -> Queue {
    Queue {
        wait: raw.map_or(defaults::QUEUE_WAIT, |q| or(&q.wait, |time| time.0.0, defaults::QUEUE_WAIT)),
        waiting_max: raw
            .map_or(defaults::QUEUE_WAITING_MAX, |q| or(&q.waiting_max, |count| count.0, defaults::QUEUE_WAITING_MAX)),
    }
}

fn metric(raw: &RawMetric) -> Metric {
    match raw {
        RawMetric::ClientDistance => Metric::ClientDistance,
        RawMetric::PopRtt => Metric::PopRtt,
    }
}

fn balance(raw: &RawBalance) -> Balance {
    match raw {
        RawBalance::PowerOfTwo => Balance::PowerOfTwo,
        RawBalance::PeakEwma => Balance::PeakEwma,
    }
}

fn mode(raw: &RawMode) -> AffinityMode {
    match raw {
        RawMode::Sticky => AffinityMode::Sticky,
        RawMode::Temporary => AffinityMode::Temporary,
        RawMode::Strict => AffinityMode::Strict,
    }
}
