//! What becomes of a static bundle between two loads.

use super::*;
use crate::base::Clock;
use crate::config;
use crate::files::Bundle;
use crate::metrics::Metrics;
use crate::snapshot::Action;
use std::sync::atomic::AtomicBool;

const ASSET: &str = "app-DiwrgTda.js";

fn load(root: &Path, before: Option<&Bundle>) -> Bundle {
    let settings = config::Bundle {
        root: root.to_owned(),
        fallback: None,
        not_found: None,
        immutable: None,
        keep_previous: Duration::from_secs(60),
        memory: 1 << 20,
        compress: true,
        preload: false,
        security_headers: false,
        headers: Vec::new(),
    };
    Bundle::load(&Arc::new(settings), before, Metrics::new().bundles.of("dist"), Clock::start()).unwrap()
}

impl Play {
    fn serve(&mut self, bundle: &Bundle) -> Vec<Effect> {
        let in_force = self.world.in_force().unwrap();
        let parts = Parts { actions: [Action::Files(bundle.clone())].into(), ..in_force.parts.clone() };
        let loaded = LoadedPart { parts, files: Vec::new() };
        let generation = in_force.generation;
        self.tell(Event::Part { subject: Subject::Roots, generation, result: Ok(Box::new(loaded)) })
    }
}

#[test]
fn variants_come_in_for_the_index_that_they_were_made_of() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(ASSET), "let answer = 42;\n".repeat(200)).unwrap();
    let mut play = Play::new(&[("eu", &[EU])], "");
    let first = load(folder.path(), None);
    let asked = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::MakeVariants));
    assert!(asked(&play.serve(&first)));
    let made = || Box::new(first.make_variants(&AtomicBool::new(false)).unwrap());
    let effects = play.tell(Event::Variants(made()));
    assert_eq!(published(&effects), Some(false));
    assert_eq!(play.world.bundles().map(|bundle| bundle.sizes().variants).collect::<Vec<_>>(), [3]);
    let serving = play.world.bundles().next().unwrap().clone();
    assert!(!asked(&play.serve(&serving)), "there is nothing left to make");

    std::fs::write(folder.path().join("index.html"), "<h1>new</h1>").unwrap();
    let second = load(folder.path(), Some(&first));
    play.serve(&second);
    assert_eq!(published(&play.tell(Event::Variants(made()))), None, "of an index that was replaced");
    assert_eq!(play.world.bundles().next().unwrap().sizes().variants, 0);
}

#[test]
fn assets_of_the_build_before_go_when_their_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(ASSET), "old").unwrap();
    let first = load(folder.path(), None);
    std::fs::remove_file(folder.path().join(ASSET)).unwrap();
    let mut play = Play::new(&[("eu", &[EU])], "");
    play.now = Clock::start().now();
    play.serve(&load(folder.path(), Some(&first)));
    let previous = |play: &Play| play.world.bundles().next().unwrap().sizes().previous;
    assert_eq!((published(&play.wait(1)), previous(&play)), (None, 1));
    assert_eq!((published(&play.wait(61)), previous(&play)), (Some(false), 0));
    assert_eq!(published(&play.wait(1)), None);
}
