//! `cargo xtask tidy`: the rules of the source that no compiler checks.
//!
//! Headers, sizes, the direction of layers, links in documents, things left undone, features that differ between builds. Every offence is listed with file
//! and line before it fails. Owns the walk over the files; each rule is one pure function in a module below.

mod features;
mod layers;
mod links;
mod mask;
mod source;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, bail};

use crate::contract::{Contract, PAGE};
use crate::machine;

/// A rule broken somewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offence {
    file: String,
    line: usize,
    what: String,
}

impl Offence {
    fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// The text files of the project by path, and the paths of all its files.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    texts: BTreeMap<String, String>,
    paths: Vec<String>,
}

impl Tree {
    fn read() -> anyhow::Result<Self> {
        let mut list = machine::command("git", &["ls-files", "--cached", "--others", "--exclude-standard"]);
        let list = machine::output(&mut list).context("cannot list the files: `git ls-files` failed")?;
        let root = machine::root();
        let mut tree = Self::default();
        for path in list.lines().filter(|path| root.join(path).is_file()) {
            tree.paths.push(path.to_owned());
            if TEXTS.iter().any(|ending| path.ends_with(ending)) {
                let text = std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
                tree.texts.insert(path.to_owned(), text);
            }
        }
        Ok(tree)
    }
}

/// Endings of the files that any rule reads.
const TEXTS: [&str; 13] =
    [".rs", ".ts", ".tsx", ".js", ".mjs", ".jsx", ".py", ".c", ".h", ".go", ".wit", ".toml", ".md"];

/// Runs the command. It takes no arguments.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    if let Some(argument) = args.first() {
        bail!("`cargo xtask tidy` takes no arguments, but was given `{argument}`");
    }
    let tree = Tree::read()?;
    let mut offences = offences(&tree);
    features::check(&mut offences)?;
    for offence in &offences {
        eprintln!("{offence}");
    }
    match offences.len() {
        0 => println!("tidy: {} files are in order", tree.texts.len()),
        count => bail!("tidy: {count} offences"),
    }
    Ok(())
}

/// Every rule on every file.
fn offences(tree: &Tree) -> Vec<Offence> {
    let mut found = Vec::new();
    for (path, text) in &tree.texts {
        if path.ends_with(".md") {
            links::check(path, text, tree, &mut found);
            continue;
        }
        source::undone(path, text, &mut found);
        if path == "wit/policy.wit" {
            contract(path, text, tree, &mut found);
        }
        if path.ends_with(".rs") {
            let code = mask::code(text);
            source::rust(path, text, &code, &mut found);
            layers::check(path, &code, &mut found);
        } else if [".ts", ".tsx", ".js", ".mjs", ".jsx"].iter().any(|ending| path.ends_with(ending)) {
            source::script(path, text, &mut found);
        } else if [".c", ".h"].iter().any(|ending| path.ends_with(ending)) {
            source::headed(path, text, "/*", &mut found);
        } else if path.ends_with(".py") {
            source::headed(path, text, "\"\"\"", &mut found);
        }
    }
    found.sort();
    found
}

/// Items of the contract without a comment, and a page that was made of another.
fn contract(path: &str, text: &str, tree: &Tree, found: &mut Vec<Offence>) {
    let contract = match Contract::read(text) {
        Ok(contract) => contract,
        Err(error) => return found.push(Offence::new(path, 1, format!("{error:#}"))),
    };
    let untold = contract.untold().into_iter();
    found.extend(untold.map(|item| Offence::new(path, contract.line_of(&item), format!("`{item}` has no comment"))));
    if tree.texts.get(PAGE).is_none_or(|page| *page != contract.page()) {
        found.push(Offence::new(PAGE, 1, format!("is not made of {path} as it is: see its first line")));
    }
}

#[cfg(test)]
mod tests;
