//! The component around a test's core module, as text.
//!
//! Owns the types of the contract and of the WASI interfaces that tests import, written as the component format wants
//! them. A build tool would generate this from WIT; by hand it needs no tool, and it can be wrong on purpose.

/// Types of the contract: the import that every component built for it has.
const TYPES: &str = r#"
(import "portolan:policy/types@VERSION" (instance $types
    (type $location' (record (field "latitude" f64) (field "longitude" f64)))
    (export "location" (type $location (eq $location')))
    (type $health' (enum "unknown" "healthy" "degraded" "draining" "down"))
    (export "health" (type (eq $health')))
    (type $region-info' (record (field "id" u32) (field "service" string) (field "name" string)
        (field "labels" (list (tuple string string))) (field "location" $location) (field "capacity" u32)))
    (export "region-info" (type (eq $region-info')))
    (type $fields' (list u8))
    (export "fields" (type (eq $fields')))
    (type $candidates' (record (field "width" u32) (field "cells" (list u32))))
    (export "candidates" (type (eq $candidates')))
    (type $pin' (record (field "region" (option u32)) (field "session-age-s" u32)
        (field "pin-age-s" u32)))
    (export "pin" (type $pin (eq $pin')))
    (type $request' (record (field "now-ms" f64) (field "entropy" f64) (field "client" (option $location))
        (field "pin" (option $pin)) (field "service" u32)))
    (export "request" (type (eq $request')))
    (type $edit-op' (enum "set" "add" "remove"))
    (export "edit-op" (type $edit-op (eq $edit-op')))
    (type $edit' (record (field "op" $edit-op) (field "name" string) (field "value" (list u8))))
    (export "edit" (type $edit (eq $edit')))
    (type $reply' (record (field "status" u16) (field "headers" (list (tuple string (list u8))))
        (field "body" (list u8))))
    (export "reply" (type $reply (eq $reply')))
    (type $binding' (record (field "payload" (list u8)) (field "ttl-s" u32)))
    (export "binding" (type $binding (eq $binding')))
    (type $pin-action' (variant (case "keep") (case "hold") (case "clear") (case "bind" $binding)))
    (export "pin-action" (type $pin-action (eq $pin-action')))
    (type $cache-terms' (record (field "key" (option string)) (field "ttl-s" (option u32))))
    (export "cache-terms" (type $cache-terms (eq $cache-terms')))
    (type $cache-action' (variant (case "keep") (case "terms" $cache-terms) (case "bypass")))
    (export "cache-action" (type $cache-action (eq $cache-action')))
    (type $plan' (record (field "order" (list u32)) (field "fence" (option (list u32))) (field "strict" bool)
        (field "pin" $pin-action) (field "cache" $cache-action) (field "edits" (list $edit)) (field "timeout-ms" u32)
        (field "ext" (list (tuple string (list u8))))))
    (export "plan" (type $plan (eq $plan')))
    (type $verdict' (variant (case "pass") (case "route" $plan) (case "respond" $reply)))
    (export "verdict" (type (eq $verdict')))
))
(alias export $types "region-info" (type $region-info))
(alias export $types "fields" (type $fields))
(alias export $types "candidates" (type $candidates))
(alias export $types "request" (type $request))
(alias export $types "verdict" (type $verdict))
"#;

/// Memory and allocator, in a module of their own so that imports can be lowered before the guest exists.
const LIBC: &str = r#"
(core module $Libc
    (memory (export "memory") PAGES)
    (global $heap (export "heap") (mut i32) (i32.const 16384))
    (func (export "cabi_realloc") (param i32 i32) (param $align i32) (param $len i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get $align))))
        (global.set $heap (i32.add (local.get $at) (local.get $len)))
        (local.get $at)))
(core instance $libc (instantiate $Libc))
(alias core export $libc "memory" (core memory $memory))
(alias core export $libc "cabi_realloc" (core func $realloc))
"#;

/// The part of WASI that tests call, and its lowered functions as `$lowered`.
pub(super) const STD: &str = r#"
(import "wasi:io/error@0.2.3" (instance $io-error (export "error" (type (sub resource)))))
(alias export $io-error "error" (type $error))
(import "wasi:io/streams@0.2.3" (instance $streams
    (alias outer 1 $error (type $error'))
    (export "error" (type $error (eq $error')))
    (export "output-stream" (type $stream (sub resource)))
    (type $stream-error' (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $stream-error')))
    (export "[method]output-stream.check-write" (func (param "self" (borrow $stream))
        (result (result u64 (error $stream-error)))))
    (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $stream))
        (param "contents" (list u8)) (result (result (error $stream-error)))))))
(alias export $streams "output-stream" (type $stream))
(import "wasi:cli/stderr@0.2.3" (instance $stderr
    (alias outer 1 $stream (type $stream'))
    (export "output-stream" (type $stream (eq $stream')))
    (export "get-stderr" (func (result (own $stream))))))
(import "wasi:cli/environment@0.2.3" (instance $environment
    (export "get-arguments" (func (result (list string))))))
(import "wasi:cli/exit@0.2.3" (instance $exit (export "exit" (func (param "status" (result))))))
(import "wasi:clocks/wall-clock@0.2.3" (instance $clock
    (type $datetime' (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "datetime" (type $datetime (eq $datetime')))
    (export "now" (func (result $datetime)))))
(import "wasi:random/random@0.2.3" (instance $random (export "get-random-u64" (func (result u64)))))
(import "wasi:filesystem/types@0.2.3" (instance $filesystem (export "descriptor" (type (sub resource)))))
(alias export $filesystem "descriptor" (type $descriptor))
(import "wasi:filesystem/preopens@0.2.3" (instance $preopens
    (alias outer 1 $descriptor (type $descriptor'))
    (export "descriptor" (type $descriptor (eq $descriptor')))
    (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
LIBC
(core func $stderr (canon lower (func $stderr "get-stderr")))
(core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $memory) (realloc $realloc)))
(core func $check (canon lower (func $streams "[method]output-stream.check-write") (memory $memory)))
(core func $drop-stream (canon resource.drop $stream))
(core func $arguments (canon lower (func $environment "get-arguments") (memory $memory) (realloc $realloc)))
(core func $exit (canon lower (func $exit "exit")))
(core func $now (canon lower (func $clock "now") (memory $memory)))
(core func $random (canon lower (func $random "get-random-u64")))
(core func $directories (canon lower (func $preopens "get-directories") (memory $memory) (realloc $realloc)))
(core instance $lowered
    (export "stderr" (func $stderr)) (export "write" (func $write)) (export "check" (func $check))
    (export "drop-stream" (func $drop-stream)) (export "arguments" (func $arguments)) (export "exit" (func $exit))
    (export "now" (func $now)) (export "random" (func $random)) (export "directories" (func $directories)))
"#;

/// Imports of the core module for `STD`.
pub(super) const STD_CORE: &str = r#"
(import "lowered" "stderr" (func $stderr (result i32)))
(import "lowered" "write" (func $write (param i32 i32 i32 i32)))
(import "lowered" "check" (func $check (param i32 i32)))
(import "lowered" "drop-stream" (func $drop_stream (param i32)))
(import "lowered" "arguments" (func $arguments (param i32)))
(import "lowered" "exit" (func $exit (param i32)))
(import "lowered" "now" (func $now (param i32)))
(import "lowered" "random" (func $random (result i64)))
(import "lowered" "directories" (func $directories (param i32)))
"#;

/// Nothing imported beyond the types.
pub(super) const BARE: &str = "LIBC (core instance $lowered)";

/// A hook that a component exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    Route,
    Affinity,
    Response,
    Health,
}

impl Hook {
    fn text(self) -> &'static str {
        match self {
            Self::Route => ROUTE,
            Self::Affinity => AFFINITY,
            Self::Response => RESPONSE,
            Self::Health => HEALTH,
        }
    }
}

const LIFECYCLE: &str = r#"
(type $metric (record (field "name" string) (field "kind" string) (field "labels" (list string))))
(export $metric' "metric" (type $metric))
(type $manifest (record (field "fields" (list string)) (field "response-fields" (list string))
    (field "buckets" (list string)) (field "metrics" (list $metric')) (field "ext" (list (tuple string (list u8))))))
(export $manifest' "manifest" (type $manifest))
(func $describe (param "config" (list u8)) (result (result $manifest' (error string)))
    (canon lift (core func $guest "describe") (memory $memory) (realloc $realloc)))
(func $init (param "config" (list u8)) (param "regions" (list $region-info)) (result (result (error string)))
    (canon lift (core func $guest "init") (memory $memory) (realloc $realloc)))
(instance $lifecycle (export "metric" (type $metric')) (export "manifest" (type $manifest'))
    (export "describe" (func $describe)) (export "init" (func $init)))
(export "portolan:policy/lifecycle@VERSION" (instance $lifecycle))
"#;

const ROUTE: &str = r#"
(func $route (param "req" $request) (param "fields" $fields) (param "candidates" $candidates)
    (result $verdict)
    (canon lift (core func $guest "route") (memory $memory) (realloc $realloc)
        (post-return (func $guest "after"))))
(instance $routing (export "route" (func $route)))
(export "portolan:policy/route@VERSION" (instance $routing))
"#;

const AFFINITY: &str = r#"
(func $key (param "req" $request) (param "fields" $fields) (result (option (list u8)))
    (canon lift (core func $guest "key") (memory $memory) (realloc $realloc)))
(instance $affinity (export "key" (func $key)))
(export "portolan:policy/affinity@VERSION" (instance $affinity))
"#;

const RESPONSE: &str = r#"
(alias export $types "edit" (type $edit))
(alias export $types "pin-action" (type $pin-action))
(type $outcome (record (field "region" u32) (field "status" u16) (field "attempt" u32) (field "ttfb-us" u32)
    (field "may-retry" bool)))
(export $outcome' "outcome" (type $outcome))
(type $amendment (record (field "edits" (list $edit)) (field "pin" $pin-action)))
(export $amendment' "amendment" (type $amendment))
(type $reaction (variant (case "pass") (case "amend" $amendment') (case "next")))
(export $reaction' "reaction" (type $reaction))
(func $response (param "req" $request) (param "answer" $outcome') (param "fields" $fields)
    (param "response-fields" $fields) (result $reaction')
    (canon lift (core func $guest "response") (memory $memory) (realloc $realloc)
        (post-return (func $guest "after"))))
(instance $hearing (export "outcome" (type $outcome')) (export "amendment" (type $amendment'))
    (export "reaction" (type $reaction')) (export "response" (func $response)))
(export "portolan:policy/response@VERSION" (instance $hearing))
"#;

const HEALTH: &str = r#"
(alias export $types "health" (type $health))
(type $change (record (field "region" u32) (field "before" $health) (field "now" $health) (field "since-ms" f64)))
(export $change' "change" (type $change))
(func $watch (param "now-ms" f64) (param "entropy" f64) (param "changes" (list $change')) (result u32)
    (canon lift (core func $guest "watch") (memory $memory) (realloc $realloc)))
(instance $watching (export "change" (type $change')) (export "watch" (func $watch)))
(export "portolan:policy/health@VERSION" (instance $watching))
"#;

/// The whole component. `imports` is `STD`, `BARE` or a variation of them.
pub(super) fn component(core: &str, imports: &str, version: &str, pages: u32, hooks: &[Hook]) -> String {
    let hooks: String = hooks.iter().map(|hook| hook.text()).collect();
    let text = format!(
        r#"(component {TYPES} {imports} {core}
            (core instance $guest (instantiate $Guest
                (with "libc" (instance $libc)) (with "lowered" (instance $lowered))))
            {LIFECYCLE} {hooks})"#
    );
    text.replace("LIBC", LIBC).replace("VERSION", version).replace("PAGES", &pages.to_string())
}
