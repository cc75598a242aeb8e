//! Components from a registry and from a web server: fetched by digest, kept, and never in the way of what serves.

use std::path::Path;

use portolan_tests::pop::run_file;
use portolan_tests::registry::{Registry, sha256};
use portolan_tests::scripts::named;
use portolan_tests::secure::Authority;
use portolan_tests::site::{FRANKFURT, Service, policy};
use portolan_tests::{Pop, binaries, wait_until};

/// A PoP with one policy.
fn site(origin: &str, component: &str, more: &str, components: &str) -> String {
    let service = Service::new("shop").region(FRANKFURT, &[origin.to_owned()]).with("policies = [\"pin\"]");
    let limits = format!("limits = {{ time = \"500ms\" }}\n{more}");
    service.site() + &policy("pin", Path::new(component), "{}", &limits) + "[components]\n" + components + "\n"
}

const KEPT: &str = "cache = \"kept\"\ncredentials = \"docker.json\"";

fn component(name: &str) -> Vec<u8> {
    std::fs::read(binaries::plugin(name)).unwrap()
}

/// Every file that is kept for a PoP.
fn kept(pop: &Pop) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(pop.folder().join("kept/sha256")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn a_registry_is_needed_once_and_waited_for_when_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut registry) = Registry::start(folder.path()) else { return };
    let bytes = component("session-pin");
    let manifest = registry.push("acme/session-pin", &bytes);
    let image = |manifest: &str| format!("oci://{}/acme/session-pin@{manifest}", registry.address());
    let (origin, address) = (named("one"), registry.address());
    let good = site(&origin.url(), &image(&manifest), "", KEPT);
    let home = tempfile::tempdir().unwrap();
    registry.log_in(&home.path().join("docker.json"));
    let mut pop = Pop::start_in(home, &good);
    assert_eq!(pop.get("/").text(), "one");
    assert_eq!(pop.status_of("/policies/pin/digest"), sha256(&bytes));
    assert_eq!(pop.status_of("/policies/pin/component"), image(&manifest));
    assert_eq!(kept(&pop).len(), 2, "manifest and component");

    // Another component is pushed, and its registry is gone when it is wanted.
    let newer = registry.push("acme/session-pin", &component("residency"));
    let next =
        site(&origin.url(), &image(&newer), "", KEPT).replace("config = {}", "config = { allow = [\"eu-frankfurt\"] }");
    registry.kill();
    pop.restart();
    assert_eq!(pop.get("/").text(), "one");
    assert_eq!(pop.metrics().count("portolan_component_fetches_total", &[("result", "cached")]), 2);
    pop.write(&next);
    let answer = pop.reload();
    let text = answer.json()["text"].as_str().unwrap().to_owned();
    assert_eq!(answer.status, 422, "{text}");
    for part in ["policy \"pin\" (oci://127.0.0.1:", "cannot be fetched: http://127.0.0.1:", "no connection"] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    // The change of the file asks for a load of its own meanwhile.
    wait_until("a next try is planned", || pop.status_of("/config/last_reload/next_try_ms").is_u64());
    assert_eq!(pop.get("/").text(), "one");
    let Some(_again) = Registry::start_on(folder.path(), address) else { return };
    wait_until("the reload is tried again", || pop.status_of("/config/last_reload/ok") == true);
    assert_eq!(pop.status_of("/policies/pin/digest"), sha256(&component("residency")));
    assert_eq!(pop.status_of("/config/last_reload/next_try_ms"), serde_json::Value::Null);
}

#[test]
fn what_is_kept_is_believed_only_with_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut registry) = Registry::start(folder.path()) else { return };
    let manifest = registry.push("session-pin", &component("session-pin"));
    let image = format!("oci://{}/session-pin@{manifest}", registry.address());
    let origin = named("one");
    let text = site(&origin.url(), &image, "", KEPT);
    let home = tempfile::tempdir().unwrap();
    let login = home.path().join("docker.json");
    registry.log_in(&login);
    let mut pop = Pop::start_in(home, &text);
    for file in kept(&pop) {
        std::fs::write(file, "\0asm but not what it was").unwrap();
    }
    pop.restart();
    assert_eq!(pop.get("/").text(), "one");
    let metrics = pop.metrics();
    let count = |result| metrics.count("portolan_component_fetches_total", &[("result", result)]);
    assert_eq!((count("corrupt"), count("fetched"), count("cached")), (2, 2, 0));

    // Without the registry and with a broken copy there is nothing to start with, and it is said which policy it is.
    registry.kill();
    let check = |arguments: &[&str]| run_file(&pop.file(), arguments);
    assert_eq!(check(&["check"]).code, 0, "what is kept is enough");
    for file in kept(&pop) {
        std::fs::write(file, "\0asm but not what it was").unwrap();
    }
    let offline = check(&["check", "--offline"]);
    assert_eq!(offline.code, 0, "{}", offline.err);
    assert!(offline.out.contains("not checked: policy \"pin\" (oci://"), "{}", offline.out);
    let online = check(&["check"]);
    assert_eq!(online.code, 2, "{}", online.out);
    assert!(online.err.contains("edge.toml:") && online.err.contains("no connection"), "{}", online.err);
}

#[test]
fn who_may_not_have_it_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let Some(registry) = Registry::start(folder.path()) else { return };
    let index = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{},\"layers\":[]}";
    let manifest = registry.push("session-pin", &component("session-pin"));
    let absent = sha256(index.as_bytes());
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("edge.toml");
    let check = |manifest: &str, components: &str| {
        let image = format!("oci://{}/session-pin@{manifest}", registry.address());
        std::fs::write(&file, site("http://127.0.0.1:9", &image, "", components)).unwrap();
        let run = run_file(&file, &["check"]);
        assert_eq!(run.code, 2, "{}", run.out);
        run.err
    };
    let told = check(&manifest, "");
    assert!(told.contains("it wants a password, and `components.credentials` has none for 127.0.0.1:"), "{told}");
    registry.log_in(&home.path().join("docker.json"));
    let told = check(&absent, "credentials = \"docker.json\"");
    assert!(told.contains("the server answers 404 Not Found: there is no such file or manifest"), "{told}");
    let told = check(&manifest, "credentials = \"docker.json\"\nsize_max = \"1KiB\"");
    assert!(told.contains("/blobs/sha256:") && told.contains("larger than 1024 bytes"), "{told}");
}

#[test]
fn a_web_server_with_other_bytes_changes_nothing() {
    let (authority, origin) = (Authority::new(), named("one"));
    let files = tempfile::tempdir().unwrap();
    std::fs::create_dir(files.path().join("policies")).unwrap();
    let published = files.path().join("policies/pin.wasm");
    std::fs::write(&published, component("session-pin")).unwrap();
    std::fs::write(files.path().join("authority.pem"), authority.pem()).unwrap();
    authority.issue(&["localhost"]).write(files.path(), "edge");
    let server = "[[routes]]\npath = \"/\"\nstatic = { root = \"policies\" }\n";
    let tls = "address = \"127.0.0.1:0\"\ntls = { certificate = \"edge.pem\", key = \"edge.key\" }";
    let server = portolan_tests::site::pop().replacen("address = \"127.0.0.1:0\"", tls, 1) + server;
    let server = Pop::start_in(files, &server);
    let url = format!("https://localhost:{}/pin.wasm", server.address().port());
    let trusted = format!("ca = {:?}\n", server.folder().join("authority.pem"));
    let config = |digest: &str, more: &str| site(&origin.url(), &url, &format!("digest = \"{digest}\""), more);
    let digest = sha256(&component("session-pin"));
    let pop = Pop::start(&config(&digest, &trusted));
    assert_eq!(pop.get("/").text(), "one");
    // The same digest again asks nobody, so what the server has now is of no matter.
    let (residency, generation) = (sha256(&component("residency")), pop.status_of("/config/generation"));
    pop.write(&config(&residency, &trusted));
    let answer = pop.reload();
    let text = answer.json()["text"].as_str().unwrap().to_owned();
    assert_eq!(answer.status, 422, "{text}");
    let expected = format!("the server sent bytes with the digest {digest}, but {residency} is configured");
    assert!(text.contains(&expected), "{text}");
    assert_eq!((pop.get("/").text(), pop.status_of("/config/generation")), ("one".to_owned(), generation));
    assert_eq!(pop.status_of("/policies/pin/digest"), digest);
    pop.write(&config(&residency, ""));
    let answer = pop.reload();
    assert!(answer.text().contains("TLS failed: invalid peer certificate: UnknownIssuer"), "{}", answer.text());
    pop.change(&config(&digest, &trusted));
}

#[test]
fn what_is_no_policy_stops_the_reload_by_name_and_place() {
    let (folder, origin) = (tempfile::tempdir().unwrap(), named("one"));
    let good = component("residency");
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let guest = |name: &str| binaries::guest(name).display().to_string();
    let text = |component: &str, more: &str| {
        site(&origin.url(), component, more, "").replace("config = {}", "config = { allow = [\"eu-frankfurt\"] }")
    };
    let fine = put("fine.wasm", &good);
    let pop = Pop::start(&text(&fine, ""));
    let other = sha256(b"other");
    let digest = format!("digest = \"{other}\"");
    let mismatch = format!("has the digest {}, but {other} is configured", sha256(&good));
    let cases: [(String, &str, &str); 7] = [
        (put("half.wasm", &good[..good.len() / 2]), "", "cut short"),
        (put("module.wasm", b"\0asm\x01\0\0\0"), "", "is a core module; a component is wanted"),
        (put("fast.cwasm", b"\x7fELF\x02\x01\x01\0"), "", "is compiled code (.cwasm), which is never loaded"),
        (guest("newer-version"), "", "this host speaks 0.1.0"),
        (guest("not-a-policy"), "", "does not export portolan:policy/"),
        (guest("no-route"), "", "exports none of the hooks that a policy is asked by"),
        (fine.clone(), &digest, &mismatch),
    ];
    let refused = |config: &str, words: &str, key: &str| {
        pop.write(config);
        let answer = pop.reload();
        let told = answer.json()["text"].as_str().unwrap_or_default().to_owned();
        let place = format!("edge.toml:{}:", config.lines().position(|line| line.starts_with(key)).unwrap() + 1);
        for part in ["policy \"pin\"", words, &place] {
            assert!(answer.status == 422 && told.contains(part), "{part:?} is missing in {told}");
        }
        assert_eq!(pop.get("/").text(), "one");
    };
    for (component, more, words) in &cases {
        refused(&text(component, more), words, "component =");
    }
    // In the author's own words, at the table that the author's code has read.
    let typo = text(&fine, "").replace("eu-frankfurt\"] }", "eu-frankfurt\"], alow = true }");
    refused(&typo, "refuses its configuration: ", "config =");
    refused(&text(&fine, "").replace("[\"eu-frankfurt\"]", "7"), "config.allow: ", "config =");
    pop.change(&text(&fine, &format!("digest = \"{}\"", sha256(&good))));
}

#[test]
fn a_signature_by_openssl_is_taken_and_no_other() {
    let (folder, origin) = (tempfile::tempdir().unwrap(), named("one"));
    let path = |name: &str| folder.path().join(name).display().to_string();
    let openssl = |arguments: &[&str]| {
        let run = std::process::Command::new("openssl").args(arguments).output().unwrap();
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    };
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", &path("key.pem")]);
    let key = openssl(&["pkey", "-in", &path("key.pem"), "-pubout"]);
    std::fs::write(path("pin.wasm"), component("session-pin")).unwrap();
    let config = site(&origin.url(), &path("pin.wasm"), "", &format!("keys = [\"\"\"\n{key}\"\"\"]"));
    let unsigned = portolan_tests::pop::run(&config, &["check"]);
    assert_eq!(unsigned.code, 2);
    assert!(unsigned.err.contains("is not signed") && unsigned.err.contains("pin.wasm.sig"), "{}", unsigned.err);
    let sign = |bytes: &[u8]| {
        std::fs::write(path("digest"), sha256(bytes)).unwrap();
        let to = path("pin.wasm.sig");
        openssl(&["pkeyutl", "-sign", "-rawin", "-inkey", &path("key.pem"), "-in", &path("digest"), "-out", &to]);
    };
    sign(&component("session-pin"));
    let pop = Pop::start(&config);
    assert_eq!(pop.get("/").text(), "one");
    // Another component under the old signature, as whoever may write the file but has no key would leave it.
    std::fs::write(path("pin.wasm"), component("maintenance")).unwrap();
    let digest = sha256(&component("maintenance"));
    wait_until("the component is refused", || {
        let told = pop.status_of("/config/refused_files").to_string();
        told.contains(&format!("has a signature that none of the 1 `components.keys` made for {digest}"))
    });
    assert_eq!((pop.get("/").text(), pop.status_of("/policies/pin/digest") == digest), ("one".to_owned(), false));
    sign(&component("maintenance"));
    wait_until("the new signature is taken", || pop.status_of("/policies/pin/digest") == digest);
}
