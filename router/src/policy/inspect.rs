//! What a component's file says of itself.
//!
//! Owns the reading of a file that may or may not be a policy: what it exports of the contract and in which version, what
//! it imports and whether that is granted, and, where it can be asked, what its manifest declares. Goes on as far as it
//! can and says what stopped it, in the words of a load. Blocks; called by `portolan policy inspect`.

use super::compiled::{self, Compiled};
use super::contract::{ManifestRecord, MetricRecord};
use super::engine::Engine;
use super::imports;
use super::instance::{Instance, Mould};
use super::load::LoadFault;
use super::manifest::Manifest;
use super::patience::WaitMeter;
use crate::base::Digest;
use std::path::Path;
use std::sync::Arc;
use wasmtime::component::Component;

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Inspection {
    /// SHA-256 of the file.
    pub digest: String,
    /// Bytes of the file.
    pub size: usize,
    /// Version of the contract that it exports; none when it exports nothing of it.
    pub contract: Option<String>,
    /// Interfaces of the contract that it exports.
    pub hooks: Vec<String>,
    /// What it imports.
    pub imports: Vec<Import>,
    /// Linear memory of a fresh instance, bytes; none when there can be none.
    pub memory: Option<usize>,
    /// What its manifest declares with this configuration; none when it could not be asked.
    pub declares: Option<Declared>,
    /// Why the router would refuse it; none when it would load, as far as can be told without regions.
    pub refused: Option<String>,
}

/// Something that a component imports.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Import {
    /// Its name.
    pub name: String,
    /// What the router gives for it.
    pub grant: Grant,
}

/// What the router gives for an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grant {
    /// Part of the contract.
    Contract,
    /// Part of the contract that the operator has to grant: `http`.
    Operator,
    /// Without any effect: no files, no environment, no network; output goes to the log.
    Inert,
    /// Nothing: the component is refused.
    Refused,
}

/// What a manifest declares.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Declared {
    /// Fields of the request.
    pub fields: Vec<String>,
    /// Fields of the response.
    pub response_fields: Vec<String>,
    /// Key-value buckets.
    pub buckets: Vec<String>,
    /// Metrics.
    pub metrics: Vec<DeclaredMetric>,
}

/// A metric, in the manifest's own words.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct DeclaredMetric {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its label values.
    pub labels: Vec<String>,
}

/// Inspects a file. `config` is the policy's configuration as JSON bytes, `memory` its limit in bytes.
///
/// # Errors
/// When it cannot be read, is no component, or cannot be compiled.
pub fn inspect(engine: &Engine, file: &Path, config: &[u8], memory: usize) -> Result<Inspection, LoadFault> {
    let bytes = std::fs::read(file).map_err(LoadFault::Unreadable)?;
    let component = compiled::component(engine, &bytes)?;
    let digest = Digest::of(&bytes);
    let (contract, hooks) = imports::hooks(&component);
    let mut inspection = Inspection {
        digest: digest.to_string(),
        size: bytes.len(),
        contract,
        hooks,
        imports: imports::listed(&component),
        memory: None,
        declares: None,
        refused: None,
    };
    inspection.refused =
        run(engine, &component, digest, config, memory, &mut inspection).err().map(|it| it.to_string());
    Ok(inspection)
}

/// What only an instance can tell.
fn run(
    engine: &Engine,
    component: &Component,
    digest: Digest,
    config: &[u8],
    memory: usize,
    inspection: &mut Inspection,
) -> Result<(), LoadFault> {
    let compiled = Compiled::of(engine, component, digest)?;
    let mould = Mould::of(&compiled, "inspected".into(), config.into(), memory, Arc::default());
    let meter = Arc::new(WaitMeter::of_this_thread());
    let mut instance = Instance::new(&mould, &meter).map_err(|failure| LoadFault::Instantiate(failure.to_string()))?;
    inspection.memory = Some(instance.memory());
    let described = instance.describe(&mould).map_err(LoadFault::DescribeFailed)?;
    let record = described.map_err(LoadFault::Describe)?;
    inspection.declares = Some(declared(&record));
    Manifest::parse(&record).map(|_| ()).map_err(LoadFault::Manifest)
}

fn declared(record: &ManifestRecord) -> Declared {
    Declared {
        fields: record.fields.clone(),
        response_fields: record.response_fields.clone(),
        buckets: record.buckets.clone(),
        metrics: record.metrics.iter().map(metric).collect(),
    }
}

fn metric(record: &MetricRecord) -> DeclaredMetric {
    let MetricRecord { name, kind, labels } = record;
    DeclaredMetric { name: name.clone(), kind: kind.clone(), labels: labels.clone() }
}
