//! A Postgres server of the tests' own, from the system's package: in a temporary directory, reached by a Unix socket
//! alone, gone with the tests.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const REQUIRED: &str = "RINGLINE_POSTGRES_REQUIRED";
const USER: &str = "ringline";
/// How long the server may take to start.
const START: Duration = Duration::from_secs(120);
/// Ends the server and removes its directory ($1) when this program's end of the pipe closes, however it ended.
const WATCH: &str =
    r#"dir=$1; shift; "$@" & server=$!; cat >/dev/null; kill -QUIT $server; wait $server; rm -rf "$dir""#;

pub struct Server {
    directory: PathBuf,
    _watch: Child,
}

/// The one server of this program, started at first use; `None`, with the reason printed, where Postgres isn't
/// installed and needn't be.
pub fn server() -> Option<&'static Server> {
    static SERVER: LazyLock<Result<Server, String>> = LazyLock::new(Server::start);
    match &*SERVER {
        Ok(server) => Some(server),
        Err(reason) if std::env::var_os(REQUIRED).is_none() => {
            eprintln!("skipped: {reason} (an error with {REQUIRED}=1)");
            None
        }
        Err(reason) => panic!("{reason}"),
    }
}

impl Server {
    fn start() -> Result<Self, String> {
        let programs = programs().ok_or("Postgres is not installed: /usr/lib/postgresql/*/bin/initdb is missing")?;
        let account = account()?;
        let directory = tempfile::tempdir().expect("a temporary directory").keep();
        if let Some((user, group)) = account {
            chown(&directory, Some(user), Some(group)).expect("given to the server's account");
        }
        let command = |program: PathBuf| {
            let mut command = Command::new(program);
            if let Some((user, group)) = account {
                command.uid(user).gid(group);
            }
            command.current_dir(&directory);
            command
        };
        let data = directory.join("data");
        // In a language with an order of its own, so that what must be ordered by bytes shows it.
        let made = command(programs.join("initdb"))
            .args(["--auth=trust", "--encoding=UTF8", "--locale-provider=icu", "--icu-locale=en-US", "--no-sync"])
            .args(["--locale=C.UTF-8", "-U", USER, "-D"])
            .arg(&data)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let watch = command("/bin/sh".into())
            .args(["-c", WATCH, "watch"])
            .args([&directory, &programs.join("postgres"), Path::new("-D"), &data, Path::new("-k"), &directory])
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=300"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("starts");
        let server = Self { directory, _watch: watch };
        let began = Instant::now();
        while !server.answers(&programs) {
            assert!(began.elapsed() < START, "Postgres did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    fn answers(&self, programs: &Path) -> bool {
        let mut probe = Command::new(programs.join("pg_isready"));
        probe.arg("-q").arg("-h").arg(&self.directory).status().expect("pg_isready runs").success()
    }

    /// The address of an empty schema that nobody else uses; it must exist before anything is made in it.
    pub async fn fresh(&self) -> String {
        use sqlx::{Connection, PgConnection};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let schema = format!("fact_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let url = self.url(&schema);
        let mut connection = PgConnection::connect(&url).await.expect("connects");
        let statement = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
        sqlx::raw_sql(statement).execute(&mut connection).await.expect("made");
        connection.close().await.expect("closed");
        url
    }

    fn url(&self, schema: &str) -> String {
        let host = self.directory.display();
        format!("postgres://{USER}@localhost/postgres?host={host}&options=-csearch_path%3D{schema}")
    }
}

/// Where the newest version's programs are.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let mut found: Vec<PathBuf> = versions.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|path| path.join("bin/initdb").exists());
    found.sort_by_key(version);
    found.pop().map(|path| path.join("bin"))
}

/// User and group to run as: Postgres refuses root, so there it is the package's own account.
fn account() -> Result<Option<(u32, u32)>, String> {
    if id("-u", None) != Some(0) {
        return Ok(None);
    }
    let (user, group) = (id("-u", Some("postgres")), id("-g", Some("postgres")));
    user.zip(group).map(Some).ok_or_else(|| "Postgres refuses to run as root, and there is no user postgres".into())
}

fn id(what: &str, of: Option<&str>) -> Option<u32> {
    let output = Command::new("id").arg(what).args(of).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok()?.trim().parse().ok()).flatten()
}
