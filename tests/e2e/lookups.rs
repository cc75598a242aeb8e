//! Policies that look up what they need of a request, over the wire.

use portolan_tests::scripts::response;
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, policy, pop};
use portolan_tests::{Ask, Origin, Pop, binaries};

#[test]
fn what_is_declared_can_be_looked_up_until_the_answer_and_nothing_else() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let told = seen.field("x-seen").unwrap_or("nothing").to_owned();
            speaker.say(response("200 OK", "", &told))?;
        }
        Ok(())
    });
    let fields = "[\"method\", \"lazy:header:x-user\", \"lazy:cookie:id\", \"lazy:query:q\"]";
    let config = format!("{{ fields = {fields}, look = [1, 2, 3, 0, 9] }}");
    // More time than in production, for the tests share a machine with compilers.
    let viewer = policy("viewer", &binaries::guest("viewer"), &config, "limits = { time = \"200ms\" }");
    let service = Service::new("shop").with("policies = [\"viewer\"]").region(FRANKFURT, &[origin.url()]);
    let pop = Pop::start(&(pop() + &service.routed() + &viewer));
    for (path, user, seen) in
        [("/a?p=1&q=7", "ann", "ann,none,7,no-field,no-field"), ("/a", "bob", "bob,none,none,no-field,no-field")]
    {
        let answer = pop.ask(&Ask::get(path).from(IN_GERMANY).field("x-user", user).field("x-secret", "s"));
        assert_eq!((answer.status, answer.text().as_str()), (200, seen), "by `route`");
        assert_eq!(answer.field("x-seen"), Some(seen), "by `response`");
    }
    // Two of each of three hooks and two exchanges.
    let refused = pop.metrics().count("portolan_policy_refused_lookups_total", &[("policy", "viewer")]);
    assert_eq!(refused, 12);
}
