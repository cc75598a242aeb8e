//! A policy that does what an ordinary policy does, and no more: the yardstick of benches and of the host's tests.
//!
//! Declares eight fields and reads each, orders the candidates by distance, and leaves the pin alone. It never answers
//! by itself and never fences. Built by `cargo xtask plugins` to `target/guests/good.wasm`.

use portolan_policy::{Manifest, NoConfig, Plan, Policy, Regions, Request, Verdict, export};

/// The fields, in the order in which the host passes them.
pub const FIELDS: [&str; 8] =
    ["method", "host", "path", "client.country", "client.asn", "header:x-tenant", "cookie:session", "query:lang"];

/// The policy.
#[derive(Debug)]
pub struct Good;

impl Policy for Good {
    type Config = NoConfig;

    fn describe(_: &NoConfig) -> Result<Manifest, String> {
        Ok(Manifest::fields(FIELDS))
    }

    fn new(_: NoConfig, _: &Regions) -> Result<Self, String> {
        Ok(Self)
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        let bytes: usize = (0..FIELDS.len()).filter_map(|place| request.field_at(place)).map(<[u8]>::len).sum();
        let mut near: Vec<_> = request
            .candidates()
            .filter(|region| region.takes_new())
            .map(|region| (region.distance_km(), region.id()))
            .collect();
        near.sort_unstable();
        let plan = Plan::to(near.into_iter().map(|(_, id)| id));
        plan.header("x-guest-bytes", bytes.to_string()).into()
    }
}

export!(Good);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use portolan_policy::{Health, testing::World};

    use super::*;

    #[test]
    fn orders_by_distance_and_reads_its_fields() {
        let world = World::new().region("a", &[]).region("b", &[]).region("c", &[]);
        let policy = world.load::<Good>("").unwrap();
        assert_eq!(policy.manifest().fields, FIELDS);
        let mut request = world.request().field("method", "GET").field("host", "x").health("b", Health::Down, 1);
        request.candidates_mut()[0].distance_km = 9000;
        assert_eq!(policy.ask(request), "route c,a x-guest-bytes:4");
    }
}
