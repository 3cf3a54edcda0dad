//! The pure crates stay pure: nothing they build on does I/O, runs tasks or makes random numbers.

use std::process::Command;

/// Not among the dependencies of a pure crate, however far down (names, and prefixes of names).
const FORBIDDEN: &[&str] =
    &["tokio", "mio", "socket2", "hyper", "axum", "reqwest", "str0m", "getrandom", "rand", "fastrand"];
const FORBIDDEN_FAMILIES: &[&str] = &["sqlx", "tokio-", "async-std", "rustls"];

#[test]
fn the_model_is_pure() {
    assert_pure("ringline-model");
}

#[test]
fn the_protocol_is_pure() {
    assert_pure("ringline-protocol");
}

#[test]
fn the_conversation_is_pure() {
    assert_pure("ringline-conversation");
}

#[test]
fn the_simulation_is_pure() {
    assert_pure("ringline-sim");
}

#[test]
fn audio_is_pure() {
    assert_pure("ringline-audio");
}

#[track_caller]
fn assert_pure(package: &str) {
    let paths = dependency_paths(package);
    // All of them serialise. Not to find that would mean that nothing was read, and finding nothing else no proof.
    assert!(paths.iter().any(|path| path.last().is_some_and(|name| name == "serde")), "{package}: {paths:?}");
    let impure: Vec<String> = paths.iter().filter(|path| is_forbidden(path)).map(|path| path.join(" → ")).collect();
    assert!(
        impure.is_empty(),
        "{package} must know no runtime, socket, database or random source, but it depends on one:\n  {}\n\
         Move what needs it to the edge, or switch off the feature that brings it in.",
        impure.join("\n  ")
    );
}

fn is_forbidden(path: &[String]) -> bool {
    let name = path.last().expect("a path ends somewhere").as_str();
    FORBIDDEN.contains(&name) || FORBIDDEN_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Every normal dependency of `package`, with how it comes in, starting with the package itself. Only the features
/// that the package asks for count, not those that other crates of the workspace switch on.
fn dependency_paths(package: &str) -> Vec<Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", package, "--edges", "normal", "--prefix", "depth", "--format", " {p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    let mut path = Vec::new();
    let mut paths = Vec::new();
    // A line is "2 name v1.2.3": the depth, and the package.
    for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
        let mut words = line.split_whitespace();
        let (Some(depth), Some(name)) = (words.next(), words.next()) else { continue };
        path.truncate(depth.parse().expect("a depth"));
        path.push(name.to_owned());
        paths.push(path.clone());
    }
    paths
}
