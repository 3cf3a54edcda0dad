//! docs/settings.md has a row for every setting, and every test it names is there.

use ringline_model::AgentConfig;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The paths of all values that are no groups.
fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(group) => {
            for (key, value) in group {
                leaves(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The rows: a setting's name in a setup, and the tests that show it.
fn rows(table: &str) -> BTreeMap<String, Vec<String>> {
    let cells = table.lines().filter(|line| line.starts_with("| ") && line.contains(": ")).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        (quoted(cells[1])[0].clone(), quoted(cells[cells.len() - 1]))
    });
    cells.collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_setting_has_a_row_and_every_test_it_names_is_there() {
    let table = std::fs::read_to_string(root().join("docs/settings.md")).expect("docs/settings.md");
    let rows = rows(&table);
    let mut settings = BTreeSet::new();
    leaves(&serde_json::to_value(AgentConfig::default()).expect("JSON"), "", &mut settings);
    let listed: BTreeSet<String> = rows.keys().cloned().collect();
    assert_eq!(listed, settings, "left: docs/settings.md, right: AgentConfig");
    for (setting, tests) in rows {
        assert!(!tests.is_empty(), "{setting} names no test");
        for test in tests {
            let (file, name) = test.split_once(": ").unwrap_or_else(|| panic!("{setting}: `{test}` is no FILE: NAME"));
            let path = if file.starts_with("tests/") { root().join(file) } else { root().join("crates").join(file) };
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{setting}: {file}: {error}"));
            let is_there = ["fn ", "def "].iter().any(|word| text.contains(&format!("{word}{name}(")));
            assert!(is_there, "{setting}: {file} has no test {name}");
        }
    }
}
