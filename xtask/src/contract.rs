//! The policy contract as a page: docs/contract.md, made from wit/policy.wit.
//!
//! Owns the form of the page and the rule that every item of the contract has a comment. Pure. `tidy` compares the page with the file
//! and lists items without a comment; a test rewrites the file where `UPDATE=1` is set.

use std::fmt::Write as _;

use anyhow::Context;
use wit_parser::{
    Docs, Function, Handle, Interface, Resolve, Type, TypeDef, TypeDefKind, TypeId, TypeOwner, World, WorldItem,
    WorldKey,
};

/// The page.
pub(crate) const PAGE: &str = "docs/contract.md";
/// What it begins with.
const HEAD: &str = "\
<!-- Made from wit/policy.wit: `UPDATE=1 cargo test -p xtask contract` -->

# The policy contract
";

/// The contract, read.
pub(crate) struct Contract {
    resolve: Resolve,
    text: String,
}

impl Contract {
    /// Reads the text of wit/policy.wit.
    pub(crate) fn read(text: &str) -> anyhow::Result<Self> {
        let mut resolve = Resolve::default();
        resolve.push_str("policy.wit", text).context("the policy contract")?;
        Ok(Self { resolve, text: text.to_owned() })
    }

    /// Items that no comment tells of, each as `interface.item.part`.
    pub(crate) fn untold(&self) -> Vec<String> {
        let mut told = Vec::new();
        let mut tell = |name: String, docs: &Docs| told.push((name, docs.is_empty()));
        for (_, interface) in &self.resolve.interfaces {
            let name = interface.name.clone().unwrap_or_default();
            tell(name.clone(), &interface.docs);
            for (item, id) in &interface.types {
                let ty = &self.resolve.types[*id];
                if self.is_borrowed(*id) {
                    continue;
                }
                tell(format!("{name}.{item}"), &ty.docs);
            }
            interface.functions.iter().for_each(|(item, function)| tell(format!("{name}.{item}"), &function.docs));
        }
        self.resolve.worlds.iter().for_each(|(_, world)| tell(world.name.clone(), &world.docs));
        told.into_iter().filter(|(_, untold)| *untold).map(|(name, _)| name).collect()
    }

    /// The page.
    pub(crate) fn page(&self) -> String {
        let mut page = HEAD.to_owned();
        for (_, package) in &self.resolve.packages {
            let _ = writeln!(page, "\nPackage `{}`.", package.name);
            push_docs(&mut page, &package.docs, "");
        }
        for (_, interface) in &self.resolve.interfaces {
            self.push_interface(&mut page, interface);
        }
        page.push_str("\n## Worlds\n");
        for (_, world) in &self.resolve.worlds {
            self.push_world(&mut page, world);
        }
        page
    }

    fn push_interface(&self, page: &mut String, interface: &Interface) {
        let name = interface.name.as_deref().unwrap_or_default();
        let _ = writeln!(page, "\n## `{name}`");
        push_docs(page, &interface.docs, "");
        let borrowed: Vec<_> = interface.types.iter().filter(|(_, id)| self.is_borrowed(**id)).collect();
        if !borrowed.is_empty() {
            let names: Vec<_> = borrowed.iter().map(|(name, id)| self.link(name, **id)).collect();
            let _ = writeln!(page, "\nUses {}.", names.join(", "));
        }
        for (function, item) in &interface.functions {
            let _ = writeln!(page, "\n### `{name}.{function}`\n\n```wit\n{}\n```", self.signature(item));
            push_docs(page, &item.docs, "");
        }
        for (item, id) in interface.types.iter().filter(|(_, id)| !self.is_borrowed(**id)) {
            self.push_type(page, name, item, &self.resolve.types[*id]);
        }
    }

    fn push_type(&self, page: &mut String, interface: &str, name: &str, ty: &TypeDef) {
        let kind = match &ty.kind {
            TypeDefKind::Record(_) | TypeDefKind::Variant(_) | TypeDefKind::Enum(_) => ty.kind.as_str(),
            _ => "type",
        };
        let _ = writeln!(page, "\n### {kind} `{interface}.{name}`");
        push_docs(page, &ty.docs, "");
        let mut rows: Vec<(String, &Docs)> = Vec::new();
        match &ty.kind {
            TypeDefKind::Record(record) => {
                rows.extend(
                    record
                        .fields
                        .iter()
                        .map(|field| (format!("`{}: {}`", field.name, self.type_text(&field.ty)), &field.docs)),
                );
            }
            TypeDefKind::Variant(variant) => rows.extend(variant.cases.iter().map(|case| {
                let with = case.ty.as_ref().map(|ty| format!("({})", self.type_text(ty))).unwrap_or_default();
                (format!("`{}{with}`", case.name), &case.docs)
            })),
            TypeDefKind::Enum(cases) => {
                rows.extend(cases.cases.iter().map(|case| (format!("`{}`", case.name), &case.docs)));
            }
            _ => {
                let _ = writeln!(page, "\n`{}`", self.kind_text(&ty.kind));
            }
        }
        if !rows.is_empty() {
            page.push('\n');
        }
        for (item, docs) in rows {
            let text = docs.contents.as_deref().map(joined).unwrap_or_default();
            let _ = writeln!(page, "- {item}{}{text}", if text.is_empty() { "" } else { ": " });
        }
    }

    fn push_world(&self, page: &mut String, world: &World) {
        let _ = writeln!(page, "\n### world `{}`", world.name);
        push_docs(page, &world.docs, "");
        for (what, items) in [("Imports", &world.imports), ("Exports", &world.exports)] {
            let named = items.iter().filter_map(|(key, item)| match (key, item) {
                (WorldKey::Interface(id), WorldItem::Interface { .. }) => {
                    let name = self.resolve.interfaces[*id].name.as_deref()?;
                    Some(format!("[`{name}`](#{name})"))
                }
                _ => None,
            });
            let _ = writeln!(page, "\n{what}: {}.", named.collect::<Vec<_>>().join(", "));
        }
    }

    /// Whether an interface has this type from another (`use`).
    fn is_borrowed(&self, id: TypeId) -> bool {
        matches!(self.resolve.types[id].kind, TypeDefKind::Type(Type::Id(_)))
    }

    /// A name with a link to the interface that it is from.
    fn link(&self, name: &str, id: TypeId) -> String {
        let TypeDefKind::Type(Type::Id(origin)) = self.resolve.types[id].kind else { return format!("`{name}`") };
        let TypeOwner::Interface(owner) = self.resolve.types[origin].owner else { return format!("`{name}`") };
        let owner = self.resolve.interfaces[owner].name.as_deref().unwrap_or_default();
        format!("[`{owner}.{name}`](#{owner})")
    }

    fn signature(&self, function: &Function) -> String {
        let parameter = |param: &wit_parser::Param| format!("{}: {}", param.name, self.type_text(&param.ty));
        let parameters = function.params.iter().map(parameter).collect::<Vec<_>>().join(", ");
        let result = function.result.as_ref().map(|ty| format!(" -> {}", self.type_text(ty))).unwrap_or_default();
        format!("{}: func({parameters}){result}", function.name)
    }

    fn type_text(&self, ty: &Type) -> String {
        match ty {
            Type::Bool => "bool".to_owned(),
            Type::String => "string".to_owned(),
            Type::Char => "char".to_owned(),
            Type::U8 => "u8".to_owned(),
            Type::U16 => "u16".to_owned(),
            Type::U32 => "u32".to_owned(),
            Type::U64 => "u64".to_owned(),
            Type::S8 => "s8".to_owned(),
            Type::S16 => "s16".to_owned(),
            Type::S32 => "s32".to_owned(),
            Type::S64 => "s64".to_owned(),
            Type::F32 => "f32".to_owned(),
            Type::F64 => "f64".to_owned(),
            Type::ErrorContext => "error-context".to_owned(),
            Type::Id(id) => {
                let ty = &self.resolve.types[*id];
                ty.name.clone().unwrap_or_else(|| self.kind_text(&ty.kind))
            }
        }
    }

    fn kind_text(&self, kind: &TypeDefKind) -> String {
        let optional = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), |ty| self.type_text(ty));
        match kind {
            TypeDefKind::List(ty) => format!("list<{}>", self.type_text(ty)),
            TypeDefKind::Option(ty) => format!("option<{}>", self.type_text(ty)),
            TypeDefKind::Result(result) => match (&result.ok, &result.err) {
                (ok, None) => format!("result<{}>", optional(ok)),
                (ok, err) => format!("result<{}, {}>", optional(ok), optional(err)),
            },
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<_> = tuple.types.iter().map(|ty| self.type_text(ty)).collect();
                format!("tuple<{}>", types.join(", "))
            }
            TypeDefKind::Type(ty) => self.type_text(ty),
            TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => self.type_text(&Type::Id(*id)),
            other => other.as_str().to_owned(),
        }
    }

    /// Lines of the text, to say where an untold item stands.
    pub(crate) fn line_of(&self, item: &str) -> usize {
        let last = item.rsplit('.').next().unwrap_or(item);
        let is_item =
            |line: &str| line.split([' ', ':', '{', '(']).any(|word| word == last) && !line.trim().starts_with("//");
        self.text.lines().position(is_item).map_or(1, |index| index + 1)
    }
}

fn push_docs(page: &mut String, docs: &Docs, indent: &str) {
    let Some(text) = &docs.contents else { return };
    page.push('\n');
    for line in text.lines() {
        let _ = writeln!(page, "{indent}{}", line.trim_end());
    }
}

/// A comment as one line.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::machine;

    #[test]
    fn the_page_is_made_from_the_contract() {
        let root = machine::root();
        let text = std::fs::read_to_string(root.join("wit/policy.wit")).unwrap();
        let contract = Contract::read(&text).unwrap();
        let (page, path) = (contract.page(), root.join(PAGE));
        if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
            std::fs::write(&path, &page).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(stored, page, "{} is stale; UPDATE=1 rewrites it", path.display());
    }

    #[test]
    fn what_has_no_comment_is_named_with_its_line() {
        let text = "/// P.\npackage a:b;\n/// I.\ninterface i {\n    /// T.\n    type t = u32;\n    record r { a: t }\n\
            \x20   f: func(x: option<t>) -> result<_, string>;\n}\n/// W.\nworld w { import i; }\n";
        let contract = Contract::read(text).unwrap();
        assert_eq!(contract.untold(), ["i.r", "i.f"]);
        assert_eq!([contract.line_of("i.r"), contract.line_of("i.f")], [7, 8]);
        let page = contract.page();
        for part in ["## `i`", "- `a: t`", "f: func(x: option<t>) -> result<_, string>", "Imports: [`i`](#i)."] {
            assert!(page.contains(part), "{part}:\n{page}");
        }
    }
}
