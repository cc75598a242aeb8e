//! What a load collects, takes over and refuses.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::policy::EngineSettings;

const FILE: &str = r#"
[pop]
name = "fra1"
location = { latitude = 50.1, longitude = 8.7 }
[[listeners]]
address = "127.0.0.1:0"
[[routes]]
path = "/"
service = "shop"
[services.shop.regions.eu]
location = { latitude = 50.0, longitude = 8.0 }
endpoints = ["http://127.0.0.1:9"]
"#;

fn loader(folder: &Path, text: &str) -> Loader {
    let file = folder.join("edge.toml");
    std::fs::write(&file, text).unwrap();
    let boot = config::load(&file).unwrap().boot;
    let engine = Engine::new(&EngineSettings { workers: 1, cache: None }).unwrap();
    Loader::new(file, boot, engine).unwrap()
}

fn in_use(loaded: LoadedConfig) -> InUse {
    InUse { live: loaded.live, parts: loaded.parts, files: loaded.files }
}

#[test]
fn every_problem_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let extra = "[policies.pin]\ncomponent = \"pin.wasm\"\n[geo]\ndatabase = \"city.mmdb\"\n[[routes]]\n\
                 path = \"/assets/\"\nstatic = { root = \"dist\" }\n[[routes]]";
    let refusal = loader(folder.path(), &FILE.replace("[[routes]]", extra)).config(None).unwrap_err();
    let text = refusal.diagnostics.to_string();
    for part in ["pin.wasm", "city.mmdb", "dist", "3 errors"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert_eq!(refusal.files.len(), 4, "configuration, component, database and root are watched");
}

#[test]
fn what_did_not_change_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let loader = loader(folder.path(), FILE);
    let first = in_use(loader.config(None).unwrap());
    let second = in_use(loader.config(Some(&first)).unwrap());
    assert!(Arc::ptr_eq(&first.parts.geo, &second.parts.geo));
    assert!(Arc::ptr_eq(&first.parts.keys, &second.parts.keys), "a key that was made stays until the process ends");
    std::fs::write(
        folder.path().join("edge.toml"),
        format!("{FILE}\n[geo]\noverrides = {{ \"10.0.0.0/8\" = \"DE\" }}\n"),
    )
    .unwrap();
    let third = loader.config(Some(&second)).unwrap();
    assert!(!Arc::ptr_eq(&second.parts.geo, &third.parts.geo));
    assert_eq!(third.needs_restart, Vec::<String>::new());
}

#[test]
fn boot_settings_that_differ_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let loader = loader(folder.path(), FILE);
    std::fs::write(folder.path().join("edge.toml"), FILE.replace("127.0.0.1:0", "127.0.0.1:8080")).unwrap();
    assert_eq!(loader.config(None).unwrap().needs_restart, ["listeners"]);
}

#[test]
fn one_subject_is_loaded_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("dist");
    std::fs::create_dir(&root).unwrap();
    let text = format!("{FILE}\n[[routes]]\npath = \"/assets/\"\nstatic = {{ root = \"dist\" }}\n");
    let loader = loader(folder.path(), &text);
    let first = in_use(loader.config(None).unwrap());
    // Neither a broken configuration nor another subject stands in the way.
    std::fs::write(folder.path().join("edge.toml"), "broken").unwrap();
    let loaded = loader.part(Subject::Roots, &first).unwrap();
    assert_eq!(loaded.files.len(), 1);
    assert!(Arc::ptr_eq(&loaded.parts.geo, &first.parts.geo));
    std::fs::remove_dir(&root).unwrap();
    assert!(loader.part(Subject::Roots, &first).is_err());
    assert!(loader.part(Subject::Geo, &first).is_ok());
}

#[test]
fn origins_over_tls_need_a_name_and_authorities() {
    let folder = tempfile::tempdir().unwrap();
    let text = FILE.replace("http://127.0.0.1:9", "https://127.0.0.1:9").replace(
        "[services.shop.regions.eu]",
        "[services.shop]\ntls = { ca = \"none.pem\" }\n[services.shop.regions.eu]",
    );
    let refusal = loader(folder.path(), &text).config(None).unwrap_err();
    let text = refusal.diagnostics.to_string();
    assert!(text.contains("service shop: authorities") && text.contains("none.pem"), "{text}");
}

#[test]
fn tls_towards_origins_is_made_anew_only_when_its_file_changed() {
    let folder = tempfile::tempdir().unwrap();
    let authority = || rcgen::generate_simple_self_signed(vec!["origin.test".to_owned()]).unwrap().cert.pem();
    std::fs::write(folder.path().join("ca.pem"), authority()).unwrap();
    let text = FILE.replace("http://127.0.0.1:9", "https://127.0.0.1:9").replace(
        "[services.shop.regions.eu]",
        "[services.shop]\ntls = { ca = \"ca.pem\" }\n[services.shop.regions.eu]",
    );
    let loader = loader(folder.path(), &text);
    let made = |in_use: &InUse| in_use.parts.origin_tls[0].clone().unwrap();
    let first = in_use(loader.config(None).unwrap());
    let second = in_use(loader.config(Some(&first)).unwrap());
    assert!(Arc::ptr_eq(&made(&first), &made(&second)));
    std::fs::write(folder.path().join("ca.pem"), format!("{}{}", authority(), authority())).unwrap();
    let third = in_use(loader.config(Some(&second)).unwrap());
    assert!(!Arc::ptr_eq(&made(&second), &made(&third)));
}

/// What the next start would refuse about the folder of the cache on disk, a check and a reload refuse.
#[test]
fn a_folder_that_cannot_hold_the_cache_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    std::fs::write(at("file"), "").unwrap();
    std::fs::create_dir_all(at("dist")).unwrap();
    std::fs::write(at("dist/index.html"), "x").unwrap();
    std::fs::create_dir_all(at("old")).unwrap();
    std::fs::write(at("old/format"), "portolan cache, format 0\n").unwrap();
    std::os::unix::fs::symlink("dist", at("link")).unwrap();
    let bundle = "[[routes]]\npath = \"/s/\"\nstatic = { root = \"dist\" }\n[[routes]]";
    let with = |path: &str| {
        let disk = format!("[process]\ncache_disk = {{ path = \"{path}\", size = \"64MiB\" }}\n[[listeners]]");
        FILE.replace("[[routes]]", bundle).replace("[[listeners]]", &disk)
    };
    let check = |loader: &Loader| match loader.check(true) {
        Ok(_) => String::new(),
        Err(refusal) => refusal.diagnostics.to_string(),
    };
    for (path, said) in [
        ("new/folder", ""),
        ("file", "not a directory"),
        ("file/below", "not a directory"),
        ("old", "has format 0"),
        (".", "is no cache and not empty"),
        ("/proc/nothing", "cannot be used"),
        ("dist/cache", "lie in one another"),
        ("link/cache", "lie in one another"),
    ] {
        let loader = loader(folder.path(), &with(path));
        let found = check(&loader);
        assert_eq!(found.is_empty(), said.is_empty(), "{path}: {found}");
        assert!(
            found.contains(said) && (said.is_empty() || found.contains("process.cache_disk.path")),
            "{path}: {found}"
        );
    }
    assert!(
        !at("new").exists() && std::fs::read_dir(at("dist")).unwrap().count() == 1,
        "a check leaves nothing behind"
    );
    let serving = loader(folder.path(), &with("new/folder")).serving(Metrics::new(), Clock::start());
    let first = in_use(serving.config(None).unwrap());
    std::fs::write(at("edge.toml"), with("file")).unwrap();
    let refusal = serving.config(Some(&first)).unwrap_err();
    assert!(refusal.diagnostics.to_string().contains("not a directory"), "{refusal:?}");
}
