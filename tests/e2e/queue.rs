//! When every allowed region is full: a short wait for room, then 503.

use portolan_tests::scripts::{Gate, gated};
use portolan_tests::site::{FRANKFURT, Service};
use portolan_tests::{Ask, Client, Origin, Pop, wait_until};

/// A service that holds one exchange, and a client whose exchange it holds.
fn full(queue: &str) -> (Pop, Origin, Gate, Client) {
    let gate = Gate::default();
    let small = gated("small", &gate);
    let service = Service::new("shop").with(queue).region_with(FRANKFURT, &[small.url()], "capacity = 1");
    let pop = Pop::start(&service.site());
    let held = asking(&pop);
    wait_until("the region is full", || small.seen().len() == 1);
    (pop, small, gate, held)
}

fn asking(pop: &Pop) -> Client {
    let mut client = Client::to(pop.address());
    client.send(&Ask::get("/").bytes());
    client
}

fn queued(pop: &Pop, outcome: &str) -> u64 {
    pop.metrics().count("portolan_queued_exchanges_total", &[("service", "shop"), ("outcome", outcome)])
}

#[test]
fn exchanges_wait_for_room_in_turn_and_are_served() {
    let (pop, small, gate, held) = full("queue = { wait = \"10s\", waiting_max = 2 }");
    let waiting = [asking(&pop), asking(&pop)];
    wait_until("two wait", || pop.metrics().count("portolan_queue_waiting", &[("service", "shop")]) == 2);
    let over = pop.ask(&Ask::get("/"));
    assert_eq!((over.status, over.field("retry-after")), (503, Some("5")), "the queue is full too");
    assert_eq!(small.seen().len(), 1, "never more than it holds");
    gate.open();
    for mut client in [held].into_iter().chain(waiting) {
        assert_eq!(client.answer("GET").unwrap().status, 200);
    }
    wait_until("all are counted", || (queued(&pop, "served"), queued(&pop, "overflow")) == (2, 1));
}

#[test]
fn the_wait_is_short_and_a_client_may_leave_it() {
    let (pop, small, gate, mut held) = full("queue = { wait = \"50ms\" }");
    let answer = pop.ask(&Ask::get("/"));
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("5")));
    assert_eq!(answer.text(), "every allowed region is at its capacity\n");
    assert_eq!(queued(&pop, "timeout"), 1);
    gate.open();
    assert_eq!(held.answer("GET").unwrap().status, 200);
    assert_eq!(small.seen().len(), 1);

    let (pop, small, gate, mut held) = full("queue = { wait = \"10s\" }");
    let leaves = asking(&pop);
    wait_until("it waits", || pop.metrics().count("portolan_queue_waiting", &[("service", "shop")]) == 1);
    drop(leaves);
    wait_until("it has left", || queued(&pop, "left") == 1);
    gate.open();
    assert_eq!(held.answer("GET").unwrap().status, 200);
    assert_eq!(small.seen().len(), 1, "nothing is sent for who has left");
}
