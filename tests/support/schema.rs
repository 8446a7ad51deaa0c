//! Every JSON document that a story reads is checked with its schema in `docs/schema`.

use boon::{Compiler, Schemas};
use serde_json::Value;

use crate::pki;

/// Checks the documents on standard output, if it is JSON: one, or one a line.
#[track_caller]
pub fn check(output: &[u8]) {
    let documents = serde_json::Deserializer::from_slice(output).into_iter::<Value>();
    for document in documents.map_while(Result::ok).filter(Value::is_object) {
        let said = document["schema"].as_str().unwrap_or_else(|| panic!("no schema: {document}"));
        let (name, version) = said.split_once('/').unwrap();
        assert_eq!(version, "1", "a new version is a new file");
        holds(name, &document);
    }
}

/// Checks a document with the schema of this name.
#[track_caller]
pub fn holds(name: &str, document: &Value) {
    let mut compiler = Compiler::new();
    for file in ["common", name] {
        let path = format!("docs/schema/{file}.json");
        let mut schema = serde_json::from_slice(&std::fs::read(pki::path(&path)).unwrap()).unwrap();
        close(&mut schema);
        compiler.add_resource(&format!("https://schema.invalid/{file}.json"), schema).unwrap();
    }
    let mut schemas = Schemas::new();
    let schema = compiler.compile(&format!("https://schema.invalid/{name}.json"), &mut schemas).unwrap();
    if let Err(e) = schemas.validate(document, schema) {
        panic!("{e:#}\n{document:#}");
    }
}

/// Fields may be added later; for now only the fields in the schema are allowed.
fn close(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        if object.contains_key("properties") {
            object.entry("additionalProperties").or_insert(Value::Bool(false));
        }
        object.values_mut().for_each(close);
    } else if let Some(list) = schema.as_array_mut() {
        list.iter_mut().for_each(close);
    }
}
