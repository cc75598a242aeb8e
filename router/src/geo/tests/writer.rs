//! A small mmdb writer, so that every clone tests on databases of its own.
//! Owns: the little of the MaxMind DB format 2.0 that the tests need, 24-bit records only.
//! Never: leaves the tests. Called by: `geo`'s tests.

use std::net::IpAddr;

use ipnet::IpNet;

/// A value of a record.
#[derive(Clone)]
pub(super) enum Value {
    Text(&'static str),
    Double(f64),
    Float(f32),
    Short(u16),
    Number(u32),
    Long(u64),
    Map(Vec<(&'static str, Value)>),
    List(Vec<Value>),
}

impl Value {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                control(out, 2, text.len());
                out.extend(text.as_bytes());
            }
            Self::Double(number) => {
                control(out, 3, 8);
                out.extend(number.to_be_bytes());
            }
            Self::Short(number) => {
                control(out, 5, 2);
                out.extend(number.to_be_bytes());
            }
            Self::Long(number) => {
                control(out, 9, 8);
                out.extend(number.to_be_bytes());
            }
            Self::Number(number) => {
                control(out, 6, 4);
                out.extend(number.to_be_bytes());
            }
            Self::Map(entries) => {
                control(out, 7, entries.len());
                for (key, value) in entries {
                    Self::Text(key).write(out);
                    value.write(out);
                }
            }
            Self::List(values) => {
                control(out, 11, values.len());
                values.iter().for_each(|value| value.write(out));
            }
            Self::Float(number) => {
                control(out, 15, 4);
                out.extend(number.to_be_bytes());
            }
        }
    }
}

/// The control byte of a value, with the extended type and one byte of extra size where needed.
fn control(out: &mut Vec<u8>, kind: u8, size: usize) {
    assert!(size < 29 + 256, "the tests need no longer values");
    let short = size.min(29) as u8;
    if kind > 7 {
        out.extend([short, kind - 7]);
    } else {
        out.push(kind << 5 | short);
    }
    if size >= 29 {
        out.push((size - 29) as u8);
    }
}

/// A database with these records; of networks that overlap, give the wider first.
pub(super) fn database(ip_version: u16, records: &[(&str, Value)]) -> Vec<u8> {
    let mut nodes: Vec<[Slot; 2]> = vec![[Slot::Empty; 2]];
    let mut data = Vec::new();
    for (network, value) in records {
        insert(&mut nodes, ip_version, network.parse().unwrap(), data.len());
        value.write(&mut data);
    }
    let mut out = Vec::new();
    for slot in nodes.iter().flatten() {
        let number = match slot {
            Slot::Empty => nodes.len(),
            Slot::Node(node) => *node,
            Slot::Data(offset) => nodes.len() + 16 + offset,
        };
        out.extend(&(number as u32).to_be_bytes()[1..]);
    }
    out.extend([0; 16]);
    out.extend(data);
    out.extend(b"\xab\xcd\xefMaxMind.com");
    Value::Map(vec![
        ("binary_format_major_version", Value::Short(2)),
        ("binary_format_minor_version", Value::Short(0)),
        ("build_epoch", Value::Long(1_700_000_000)),
        ("database_type", Value::Text("test")),
        ("description", Value::Map(Vec::new())),
        ("ip_version", Value::Short(ip_version)),
        ("languages", Value::List(Vec::new())),
        ("node_count", Value::Number(nodes.len() as u32)),
        ("record_size", Value::Short(24)),
    ])
    .write(&mut out);
    out
}

#[derive(Clone, Copy)]
enum Slot {
    Empty,
    Node(usize),
    Data(usize),
}

fn insert(nodes: &mut Vec<[Slot; 2]>, ip_version: u16, network: IpNet, offset: usize) {
    let (bits, length) = match (network.addr(), ip_version) {
        (IpAddr::V4(v4), 4) => (u128::from(u32::from(v4)) << 96, network.prefix_len()),
        (IpAddr::V4(v4), _) => (u128::from(u32::from(v4)), network.prefix_len() + 96),
        (IpAddr::V6(v6), _) => (u128::from(v6), network.prefix_len()),
    };
    let mut node = 0;
    for depth in 0..length {
        let side = (bits >> (127 - depth) & 1) as usize;
        if depth + 1 == length {
            nodes[node][side] = Slot::Data(offset);
        } else if let Slot::Node(next) = nodes[node][side] {
            node = next;
        } else {
            let before = nodes[node][side];
            nodes.push([before; 2]);
            nodes[node][side] = Slot::Node(nodes.len() - 1);
            node = nodes.len() - 1;
        }
    }
}
