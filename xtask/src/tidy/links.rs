//! Links in documents: each relative one leads to a file or a heading that is there.
//!
//! Knows the Markdown that this project writes: inline links, reference definitions, `#` headings with the anchors that
//! GitHub gives them. Addresses on the network are not followed. Pure; called by `tidy.rs`.

use super::{Offence, Tree};

/// Checks the links of one document.
pub(crate) fn check(path: &str, text: &str, tree: &Tree, found: &mut Vec<Offence>) {
    for (line, target) in targets(text) {
        if let Some(what) = broken(path, &target, tree) {
            found.push(Offence::new(path, line, what));
        }
    }
}

fn broken(path: &str, target: &str, tree: &Tree) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let Some(file) = resolve(path, file) else { return Some(format!("link `{target}` leaves the project")) };
    let folder = format!("{file}/");
    let exists = file.is_empty() || tree.paths.iter().any(|known| *known == file || known.starts_with(&folder));
    if !exists {
        return Some(format!("link `{target}` leads nowhere: there is no {file}"));
    }
    let text = tree.texts.get(&file).filter(|_| file.ends_with(".md"))?;
    let lost = !anchor.is_empty() && !anchors(text).iter().any(|known| known == anchor);
    lost.then(|| format!("link `{target}` leads nowhere: {file} has no such heading"))
}

/// The path that a link means, seen from the file it stands in; none outside the project.
fn resolve(from: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if link.starts_with('/') {
        parts.clear();
    }
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Every link's target with its line; code is not read.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, prose) in prose(text) {
        let mut rest = prose.as_str();
        while let Some(start) = rest.find("](") {
            rest = &rest[start + 2..];
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            found.push((line, target.trim_matches(['<', '>']).to_owned()));
        }
        if let Some((_, target)) = prose.strip_prefix('[').and_then(|definition| definition.split_once("]: ")) {
            found.push((line, target.trim().to_owned()));
        }
    }
    found
}

/// The lines outside of fenced code, with inline code blanked out.
fn prose(text: &str) -> Vec<(usize, String)> {
    let (mut fenced, mut found) = (false, Vec::new());
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let outside = text.split('`').enumerate().filter(|(place, _)| place % 2 == 0);
            found.push((line, outside.map(|(_, part)| part).collect::<Vec<_>>().join("`")));
        }
    }
    found
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if fenced || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
        let twins = found.iter().filter(|known| **known == anchor).count();
        found.push(if twins == 0 { anchor } else { format!("{anchor}-{twins}") });
    }
    found
}
