//! Where everything of one running example is: regions, ports, and the folder with its config, page and sessions.
//!
//! The example's `edge.toml` is the one source of it; what is read here is filled in with ports that are free. Owns
//! that copy and `demo.json`. Never starts anything. Called by `demo::run`, read by `stage` and `tour`.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::json;
use toml::{Table, Value};

use super::build;
use crate::machine;

/// How examples name the folder of the policies and the page, relative to themselves.
const POLICIES_IN_EXAMPLE: &str = "../../target/plugins/";
const PAGE_IN_EXAMPLE: &str = "\"site/dist\"";

/// One region of the example's service.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) name: String,
    location: (f64, f64),
    pub(super) endpoints: Vec<Endpoint>,
}

/// One origin server of a region.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) name: String,
    pub(super) port: u16,
}

/// One example on this machine.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) folder: PathBuf,
    pub(super) pop_port: u16,
    pub(super) admin_port: u16,
    pub(super) regions: Vec<Region>,
}

impl Layout {
    /// Reads an example, chooses the ports, and writes config and page into an empty folder.
    pub(super) fn prepare(example: &str) -> anyhow::Result<Self> {
        let file = machine::root().join("examples").join(example).join("edge.toml");
        let text = fs::read_to_string(&file).with_context(|| format!("no example `{example}`: {}", file.display()))?;
        let (text, ports) = with_free_ports(&text)?;
        let table: Table = text.parse().with_context(|| format!("{}", file.display()))?;
        for key in ["pop", "listeners", "admin", "services"] {
            ensure!(table.contains_key(key), "{} has no `{key}`", file.display());
        }
        let pop_port = port_of(&table["listeners"][0]["address"])?;
        // Named by a port that only one can hold: two running examples never share a folder.
        let folder = machine::root().join("target/demo").join(format!("{example}-{pop_port}"));
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(folder.join("sessions")).with_context(|| format!("cannot create {}", folder.display()))?;
        let layout =
            Self { folder, pop_port, admin_port: port_of(&table["admin"]["address"])?, regions: regions(&table)? };
        layout.write_config(&text)?;
        if text.contains(PAGE_IN_EXAMPLE) {
            layout.write_page(&table)?;
        }
        drop(ports);
        Ok(layout)
    }

    /// The PoP's configuration.
    pub(super) fn config_file(&self) -> PathBuf {
        self.folder.join("edge.toml")
    }

    /// Where the origins keep sessions.
    pub(super) fn sessions(&self) -> PathBuf {
        self.folder.join("sessions")
    }

    fn write_config(&self, text: &str) -> anyhow::Result<()> {
        let policies = format!("{}/", machine::root().join("target/plugins").display());
        let page = format!("\"{}\"", self.folder.join("page").display());
        let text = text.replace(POLICIES_IN_EXAMPLE, &policies).replace(PAGE_IN_EXAMPLE, &page);
        fs::write(self.config_file(), text).context("cannot write the example's edge.toml")
    }

    fn write_page(&self, table: &Table) -> anyhow::Result<()> {
        let page = self.folder.join("page");
        copy_folder(&build::site().join("dist"), &page)?;
        let place = |(latitude, longitude): (f64, f64)| json!({ "latitude": latitude, "longitude": longitude });
        let regions = self.regions.iter().map(|region| {
            json!({
                "name": region.name,
                "title": title(&region.name),
                "location": place(region.location),
                "control": format!("http://127.0.0.1:{}", region.endpoints[0].port),
            })
        });
        let name = table["pop"]["name"].as_str().unwrap_or_default();
        let demo = json!({
            "pop": { "name": name, "title": title(name), "location": place(location(&table["pop"])?) },
            "regions": regions.collect::<Vec<_>>(),
            "admin": format!("http://127.0.0.1:{}", self.admin_port),
        });
        fs::write(page.join("demo.json"), demo.to_string()).context("cannot write demo.json")
    }
}

/// Replaces each port of this machine that is taken by a free one; the listeners hold them until they are dropped.
fn with_free_ports(text: &str) -> anyhow::Result<(String, Vec<TcpListener>)> {
    const HERE: &str = "127.0.0.1:";
    let mut held = Vec::new();
    let mut pieces = text.split(HERE);
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let wanted: u16 = piece[..digits].parse().with_context(|| format!("no port behind {HERE}"))?;
        let listener = TcpListener::bind(("127.0.0.1", wanted)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
        let listener = listener.context("no free port on 127.0.0.1")?;
        filled += &format!("{HERE}{}{}", listener.local_addr()?.port(), &piece[digits..]);
        held.push(listener);
    }
    Ok((filled, held))
}

/// The regions of the example's one service.
fn regions(table: &Table) -> anyhow::Result<Vec<Region>> {
    let services = table["services"].as_table().context("`services` is a table")?;
    let (_, service) = services.iter().next().context("an example has a service")?;
    let regions = service["regions"].as_table().context("`regions` is a table")?;
    regions.iter().map(|(name, region)| read_region(name, region)).collect()
}

fn read_region(name: &str, region: &Value) -> anyhow::Result<Region> {
    let short = name.rsplit('-').next().unwrap_or(name);
    let urls = region["endpoints"].as_array().context("`endpoints` is a list")?;
    let endpoints = urls
        .iter()
        .zip('a'..='z')
        .map(|(url, letter)| Ok(Endpoint { name: format!("{short}-{letter}"), port: port_of(url)? }));
    let endpoints = endpoints.collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!endpoints.is_empty(), "region {name} has no endpoint");
    Ok(Region { name: name.to_owned(), location: location(region)?, endpoints })
}

fn port_of(address: &Value) -> anyhow::Result<u16> {
    let port = address.as_str().and_then(|text| text.rsplit(':').next()).and_then(|port| port.parse().ok());
    port.with_context(|| format!("no port in {address}"))
}

fn location(holder: &Value) -> anyhow::Result<(f64, f64)> {
    let degrees = |key: &str| holder["location"][key].as_float().with_context(|| format!("`{key}` is a number"));
    Ok((degrees("latitude")?, degrees("longitude")?))
}

/// `eu-frankfurt` is Frankfurt to people.
fn title(name: &str) -> String {
    let last = name.rsplit('-').next().unwrap_or(name);
    last.chars().take(1).flat_map(char::to_uppercase).chain(last.chars().skip(1)).collect()
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot write {}", target.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_replaced_and_only_there() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let text = format!("a = \"127.0.0.1:{port}\"\nb = \"http://127.0.0.1:{port}\" # 127.0.0.0/8\n");
        let (filled, held) = with_free_ports(&text).unwrap();
        let ports: Vec<u16> = held.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert_eq!(
            filled,
            format!("a = \"127.0.0.1:{}\"\nb = \"http://127.0.0.1:{}\" # 127.0.0.0/8\n", ports[0], ports[1])
        );
        assert!(!ports.contains(&port));
    }

    #[test]
    fn every_example_can_be_laid_out() {
        for entry in fs::read_dir(machine::root().join("examples")).unwrap().flatten() {
            let Ok(text) = fs::read_to_string(entry.path().join("edge.toml")) else { continue };
            let table: Table = text.parse().unwrap();
            assert!(!regions(&table).unwrap().is_empty(), "{}", entry.path().display());
            port_of(&table["listeners"][0]["address"]).unwrap();
            port_of(&table["admin"]["address"]).unwrap();
        }
    }
}
