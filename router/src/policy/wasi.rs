//! WASI 0.2 without any effect, for guests whose language's standard library imports it.
//!
//! Owns the definitions: no files, no environment, no arguments; output goes to the log; clock and random source show
//! what the request brought (`guest`). They are defined from the component's own import list, so any 0.2.x links, and
//! what has no inert meaning traps by name. Nothing here blocks or needs an async runtime: wasmtime-wasi's synchronous
//! shims wait on tokio and panic inside a worker. Called by `imports`.

use super::guest::{Guest, Output, Refusal};
use super::imports::InterfaceName;
use wasmtime::StoreContextMut;
use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{ComponentType, Linker, LinkerInstance, Lower, Resource, ResourceAny, ResourceType, Val};

/// Bytes that a guest may write to an output at once (`check-write`).
const WRITE_MAX: u64 = 64 * 1024;
/// Most random bytes for one call, bytes.
const RANDOM_MAX: u64 = 64 * 1024;

// One host type for each resource that can come into existence, and one for all that cannot.
struct InputStream;
struct OutputStream;
struct Pollable;
struct IoError;
struct Nothing;

/// `wasi:io/streams.stream-error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
#[allow(dead_code, reason = "the contract has cases that do not occur here: nothing written is ever refused")]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

/// What an inert function answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    EmptyList,
    Absent,
    Fine,
    FineUnit,
    Writable,
    Closed,
    Input,
    Output(Output),
    Pollable,
    AllReady,
    True,
    Unit,
    EmptyText,
    NowNs,
    NowRecord,
    OneNs,
    OneNsRecord,
    Random,
    RandomBytes,
    FixedSeed,
    Refuse,
}

/// Defines all that the component imports from one WASI interface.
pub(super) fn link(
    linker: &mut Linker<Guest>,
    name: &str,
    parsed: &InterfaceName<'_>,
    ty: &ComponentInstance,
) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    let mut instance = linker.instance(name)?;
    for (item, import) in ty.exports(&engine) {
        match import.ty {
            ComponentItem::Resource(_) => instance.resource(item, resource(item), |_, _| Ok(()))?,
            ComponentItem::ComponentFunc(_) => function(&mut instance, name, parsed.interface, item)?,
            _ => {}
        }
    }
    Ok(())
}

fn resource(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        "pollable" => ResourceType::host::<Pollable>(),
        "error" => ResourceType::host::<IoError>(),
        _ => ResourceType::host::<Nothing>(),
    }
}

fn function(
    instance: &mut LinkerInstance<'_, Guest>,
    full: &str,
    interface: &str,
    function: &str,
) -> wasmtime::Result<()> {
    // Output is the one thing with bulk in it, so it is typed; the rest is rare and goes by value.
    if matches!(function, "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush") {
        return instance.func_wrap(
            function,
            |mut store: StoreContextMut<'_, Guest>, (stream, bytes): (Resource<OutputStream>, Vec<u8>)| {
                let output = if stream.rep() == Output::Stderr as u32 { Output::Stderr } else { Output::Stdout };
                store.data_mut().print(output, &bytes);
                Ok((Ok::<(), StreamError>(()),))
            },
        );
    }
    let answer = answer(interface, function);
    let called = format!("{full}#{function}");
    instance.func_new(function, move |mut store, _, params, results| {
        let Some(result) = results.first_mut() else { return refuse_unless(answer == Answer::Unit, &called) };
        let value = value(&mut store, answer, params)?;
        *result = value.ok_or_else(|| refusal(&called))?;
        // Borrowed handles are ours to give back (`ResourceAny`).
        for param in params {
            release(&mut store, param)?;
        }
        Ok(())
    })
}

fn answer(interface: &str, function: &str) -> Answer {
    use Answer::{
        Absent, AllReady, Closed, EmptyList, EmptyText, Fine, FineUnit, FixedSeed, Input, NowNs, NowRecord, OneNs,
        OneNsRecord, Random, RandomBytes, Refuse, True, Unit, Writable,
    };
    match (interface, function) {
        ("environment", "get-environment" | "get-arguments") | ("preopens", "get-directories") => EmptyList,
        ("environment", "initial-cwd") => Absent,
        (_, "get-terminal-stdin" | "get-terminal-stdout" | "get-terminal-stderr") => Absent,
        ("stdin", "get-stdin") => Input,
        ("stdout", "get-stdout") => Answer::Output(Output::Stdout),
        ("stderr", "get-stderr") => Answer::Output(Output::Stderr),
        ("streams", "[method]output-stream.check-write") => Writable,
        ("streams", "[method]output-stream.flush" | "[method]output-stream.blocking-flush") => FineUnit,
        ("streams", "[method]output-stream.write-zeroes" | "[method]output-stream.blocking-write-zeroes-and-flush") => {
            FineUnit
        }
        ("streams", method) if method.starts_with("[method]input-stream.") && !method.ends_with("subscribe") => Closed,
        (_, method) if method.ends_with(".subscribe") || method.starts_with("subscribe-") => Answer::Pollable,
        ("poll", "poll") => AllReady,
        ("poll", "[method]pollable.ready") => True,
        ("poll", "[method]pollable.block") => Unit,
        ("error", "[method]error.to-debug-string") => EmptyText,
        ("types", "filesystem-error-code") => Absent,
        ("monotonic-clock", "now") => NowNs,
        ("wall-clock", "now") => NowRecord,
        ("monotonic-clock", "resolution") => OneNs,
        ("wall-clock", "resolution") => OneNsRecord,
        ("random", "get-random-u64") | ("insecure", "get-insecure-random-u64") => Random,
        ("random", "get-random-bytes") | ("insecure", "get-insecure-random-bytes") => RandomBytes,
        ("insecure-seed", "insecure-seed") => FixedSeed,
        ("timezone", _) | ("exit", _) => Refuse,
        (_, "sync" | "sync-data") => Fine,
        _ => Refuse,
    }
}

fn value(store: &mut StoreContextMut<'_, Guest>, answer: Answer, params: &[Val]) -> wasmtime::Result<Option<Val>> {
    let ok = |value: Val| Val::Result(Ok(Some(Box::new(value))));
    let date = |seconds, nanoseconds| {
        let fields = [("seconds", Val::U64(seconds)), ("nanoseconds", Val::U32(nanoseconds))];
        Val::Record(fields.map(|(name, value)| (name.to_owned(), value)).into())
    };
    let now = store.data().now();
    Ok(Some(match answer {
        Answer::EmptyList => Val::List(Vec::new()),
        Answer::Absent => Val::Option(None),
        Answer::Fine | Answer::FineUnit => Val::Result(Ok(None)),
        Answer::Writable => ok(Val::U64(WRITE_MAX)),
        Answer::Closed => Val::Result(Err(Some(Box::new(Val::Variant("closed".to_owned(), None))))),
        Answer::Input => handle(store, Resource::<InputStream>::new_own(0))?,
        Answer::Output(output) => handle(store, Resource::<OutputStream>::new_own(output as u32))?,
        Answer::Pollable => handle(store, Resource::<Pollable>::new_own(0))?,
        Answer::AllReady => {
            let pollables = params.first().map_or(0, |list| if let Val::List(list) = list { list.len() } else { 0 });
            Val::List((0..u32::try_from(pollables).unwrap_or(0)).map(Val::U32).collect())
        }
        Answer::True => Val::Bool(true),
        Answer::EmptyText => Val::String(String::new()),
        Answer::NowNs => Val::U64(now.0.saturating_mul(1_000_000)),
        Answer::NowRecord => date(now.seconds(), u32::try_from(now.0 % 1000 * 1_000_000).unwrap_or(0)),
        Answer::OneNs => Val::U64(1),
        Answer::OneNsRecord => date(0, 1),
        Answer::Random => Val::U64(store.data_mut().draw()),
        Answer::RandomBytes => match params.first() {
            Some(Val::U64(len)) if *len <= RANDOM_MAX => {
                Val::List((0..*len).map(|_| Val::U8(store.data_mut().draw().to_le_bytes()[0])).collect())
            }
            _ => return Err(Refusal(format!("asked for more than {RANDOM_MAX} random bytes")).into()),
        },
        Answer::FixedSeed => Val::Tuple(vec![Val::U64(1), Val::U64(2)]),
        Answer::Unit | Answer::Refuse => return Ok(None),
    }))
}

fn handle<T: 'static>(store: &mut StoreContextMut<'_, Guest>, resource: Resource<T>) -> wasmtime::Result<Val> {
    ResourceAny::try_from_resource(resource, store).map(Val::Resource)
}

fn release(store: &mut StoreContextMut<'_, Guest>, param: &Val) -> wasmtime::Result<()> {
    match param {
        Val::Resource(resource) => resource.resource_drop(store),
        Val::List(list) => list.iter().try_for_each(|param| release(store, param)),
        _ => Ok(()),
    }
}

fn refuse_unless(allowed: bool, called: &str) -> wasmtime::Result<()> {
    if allowed { Ok(()) } else { Err(refusal(called).into()) }
}

fn refusal(called: &str) -> Refusal {
    Refusal(format!("called {called}, which does nothing here"))
}
