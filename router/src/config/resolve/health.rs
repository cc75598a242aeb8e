//! Probes and ejection.
//!
//! Owns that a probe has exactly one kind and how its times relate.

use super::{Resolver, or};
use crate::config::raw::{RawEjection, RawEjectionSwitch, RawHealth, RawHttpProbe, RawService};
use crate::config::value::{At, Span};
use crate::config::{Ejection, Health, Probe, ProbeKind, defaults};
use http::StatusCode;

impl Resolver<'_> {
    pub(super) fn health(&mut self, raw: &RawService) -> Option<Health> {
        let probe = match &raw.health {
            None => Some(None),
            Some(health) => self.probe(health).map(Some),
        };
        let ejection = match &raw.ejection {
            None => self.ejection(&RawEjection::default(), &(0..0)).map(Some),
            Some(At { value: RawEjectionSwitch::Off, .. }) => Some(None),
            Some(At { value: RawEjectionSwitch::On(ejection), span }) => self.ejection(ejection, span).map(Some),
        };
        Some(Health { probe: probe?, ejection: ejection? })
    }

    fn probe(&mut self, health: &At<RawHealth>) -> Option<Probe> {
        let raw = &health.value;
        let kind = match (&raw.http, &raw.tcp) {
            (Some(http), None) => self.http_probe(http),
            (None, Some(_)) => Some(ProbeKind::Tcp),
            (None, None) if self.removed.any(&health.span) => None,
            (http, _) => {
                let wrong = if http.is_some() { "the probe has two kinds" } else { "the probe has no kind" };
                let error = self.error(&health.span, wrong);
                error.help.push("give exactly one of `http = { path = \"/healthz\" }` and `tcp = {}`".into());
                None
            }
        };
        let interval = or(&raw.interval, |time| time.0.0, defaults::PROBE_INTERVAL);
        let timeout = or(&raw.timeout, |time| time.0.0, defaults::PROBE_TIMEOUT.min(interval));
        if let Some(written) = &raw.timeout
            && timeout > interval
        {
            let error = self.error(&written.span, "the probe's timeout is longer than its interval");
            error.help.push("accepted: at most the interval, so that probes do not pile up".into());
        }
        let down_default = interval.saturating_mul(defaults::PROBE_DOWN_INTERVALS);
        let down_interval = or(&raw.down_interval, |time| time.0.0, down_default);
        if let Some(written) = &raw.down_interval
            && down_interval < interval
        {
            let error = self.error(&written.span, "endpoints that are down would be probed more often than others");
            error.help.push("accepted: at least the interval".into());
        }
        let fall = or(&raw.fall, |count| count.0, defaults::PROBE_FALL);
        let rise = or(&raw.rise, |count| count.0, defaults::PROBE_RISE);
        Some(Probe { kind: kind?, interval, down_interval, timeout, fall, rise })
    }

    fn http_probe(&mut self, http: &At<RawHttpProbe>) -> Option<ProbeKind> {
        let path = self.need(&http.value.path, &http.span, "path", "what is asked for, such as \"/healthz\"");
        let status: Vec<u32> = match &http.value.status {
            None => vec![defaults::PROBE_STATUS],
            Some(list) => {
                if list.value.is_empty() && !self.removed.any(&list.span) {
                    self.error(&list.span, "no status would pass")
                        .help
                        .push("accepted: at least one status code".into());
                }
                list.value.iter().map(|status| status.value.0).collect()
            }
        };
        // All of them are in 100..=599 already, or they would not have been read.
        let status =
            status.into_iter().filter_map(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok()).collect();
        let host = match &http.value.host {
            None => None,
            Some(host) if host.value.0.0.parse::<http::uri::Authority>().is_ok() => Some(host.value.0.0.clone()),
            Some(host) => {
                let error = self.error(&host.span, format!("{:?} is not a Host header", host.value.0.0));
                error.help.push("accepted: a host, with or without a port".into());
                None
            }
        };
        Some(ProbeKind::Http { path: path?.value.0.0.clone(), status, host })
    }

    fn ejection(&mut self, raw: &RawEjection, span: &Span) -> Option<Ejection> {
        let base = or(&raw.base, |time| time.0.0, defaults::EJECT_BASE);
        let max = or(&raw.max, |time| time.0.0, defaults::EJECT_MAX.max(base));
        if base > max {
            let at = raw.max.as_ref().map_or(span, |max| &max.span);
            let error = self.error(at, "the longest ejection is shorter than the first one");
            error.help.push("accepted: `max` at least as long as `base` (30s unless given)".into());
            return None;
        }
        Some(Ejection {
            consecutive: or(&raw.consecutive, |count| count.0, defaults::EJECT_CONSECUTIVE),
            success_below: or(&raw.success_below, |share| share.0, defaults::EJECT_SUCCESS_BELOW),
            requests_min: or(&raw.requests_min, |count| count.0, defaults::EJECT_REQUESTS_MIN),
            window: or(&raw.window, |time| time.0.0, defaults::EJECT_WINDOW),
            base,
            max,
            share_max: or(&raw.share_max, |share| share.0, defaults::EJECT_SHARE_MAX),
        })
    }
}
