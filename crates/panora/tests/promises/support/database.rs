//! A database for one test: a folder with SQLite, or a PostgreSQL database that is dropped at the end.

use std::path::PathBuf;
use std::time::Duration;

use panora::random::Random;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

/// Seals what the tests' PostgreSQL databases hold.
const KEYS: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// What lists the columns of all tables, and how one value of a column is written as bytes.
const POSTGRES_COLUMNS: &str = "SELECT table_name::text, column_name::text, \
    CASE data_type WHEN 'bytea' THEN '\"{}\"' ELSE 'convert_to(\"{}\"::text, ''UTF8'')' END \
    FROM information_schema.columns WHERE table_schema = 'public'";
const SQLITE_COLUMNS: &str = "SELECT m.name, c.name, 'CAST(\"{}\" AS BLOB)' \
    FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'";

macro_rules! all_values {
    ($connection:ident, $columns:expr) => {{
        let mut values = Vec::new();
        for column in $connection.fetch_all($columns).await.expect("the catalog can be read") {
            let (table, name, value): (String, String, String) =
                (column.get(0), column.get(1), column.get(2));
            let value = value.replace("{}", &name);
            let sql = format!("SELECT {value} FROM \"{table}\" WHERE \"{name}\" IS NOT NULL");
            for row in $connection.fetch_all(AssertSqlSafe(sql)).await.expect("the table can be read") {
                values.push((format!("{table}.{name}"), row.get::<Vec<u8>, _>(0)));
            }
        }
        values
    }};
}

pub struct Database {
    pub folder: PathBuf,
    postgres: Option<Postgres>,
}

struct Postgres {
    /// Of a superuser, who makes and drops databases.
    admin: String,
    name: String,
}

/// Whether tests run on PostgreSQL, by `PANORA_TEST_DATABASE`.
pub fn is_postgres() -> bool {
    match std::env::var("PANORA_TEST_DATABASE").unwrap_or_default().as_str() {
        "" | "sqlite" => false,
        "postgres" => true,
        other => panic!("PANORA_TEST_DATABASE={other}: sqlite or postgres"),
    }
}

impl Postgres {
    async fn database(admin: String, name: String) -> Self {
        as_admin(&admin, &format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        Self { admin, name }
    }
}

impl Database {
    /// As `PANORA_TEST_DATABASE` says: `sqlite` unless it names `postgres`.
    pub async fn fresh() -> Self {
        let name = format!("panora_{}", Random::system().base62(16).to_lowercase());
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let postgres = if is_postgres() {
            let admin = std::env::var("PANORA_TEST_POSTGRES_URL").expect("PANORA_TEST_POSTGRES_URL is set");
            Some(Postgres::database(admin, name).await)
        } else {
            None
        };
        Self { folder, postgres }
    }

    /// One in a cluster that the test has made, whose superuser has this URL.
    pub async fn in_cluster(admin: String) -> Self {
        let name = format!("panora_{}", Random::system().base62(16).to_lowercase());
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        Self { folder, postgres: Some(Postgres::database(admin, name).await) }
    }

    /// The `postgres://` URL, where it is one.
    pub fn url(&self) -> Option<String> {
        self.postgres.as_ref().map(|it| url_of(&it.admin, &it.name))
    }

    /// The settings that open it, as a server's environment has them.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![("PANORA_DATA_DIR", self.folder.join("data").display().to_string())];
        if let Some(url) = self.url() {
            variables.push(("DATABASE_URL", url));
            variables.push(("PANORA_ENCRYPTION_KEYS", KEYS.to_owned()));
        }
        variables
    }

    /// Changes what is stored, behind the server's back; how many rows that were.
    pub async fn execute(&self, sql: &str) -> u64 {
        if let Some(url) = self.url() {
            let mut connection = PgConnection::connect(&url).await.expect("PostgreSQL takes the connection");
            let done = connection.execute(AssertSqlSafe(sql)).await;
            return done.expect("the statement is right").rows_affected();
        }
        let mut connection = self.sqlite().await;
        connection.execute(AssertSqlSafe(sql)).await.expect("the statement is right").rows_affected()
    }

    /// What a query that asks for one number answers.
    pub async fn number(&self, sql: &str) -> i64 {
        let wrong = "a query that answers one number";
        if let Some(url) = self.url() {
            let mut connection = PgConnection::connect(&url).await.expect("PostgreSQL takes the connection");
            return connection.fetch_one(AssertSqlSafe(sql)).await.expect(wrong).get(0);
        }
        self.sqlite().await.fetch_one(AssertSqlSafe(sql)).await.expect(wrong).get(0)
    }

    /// What a query that asks for one column of texts answers.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let wrong = "a query that answers texts";
        if let Some(url) = self.url() {
            let mut connection = PgConnection::connect(&url).await.expect("PostgreSQL takes the connection");
            let rows = connection.fetch_all(AssertSqlSafe(sql)).await.expect(wrong);
            return rows.iter().map(|row| row.get(0)).collect();
        }
        let rows = self.sqlite().await.fetch_all(AssertSqlSafe(sql)).await.expect(wrong);
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn sqlite(&self) -> SqliteConnection {
        let file = self.folder.join("data").join("panora.sqlite");
        let options = SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(20));
        SqliteConnection::connect_with(&options).await.expect("the file can be opened")
    }

    /// Every byte that is stored: SQLite's files, or each value of each table.
    pub async fn bytes(&self) -> Vec<u8> {
        match self.url() {
            Some(_) => {
                self.values().await.into_iter().flat_map(|(_, value)| [value, vec![b'\n']].concat()).collect()
            }
            None => all_files(&self.folder.join("data")),
        }
    }

    /// Every value of every table, by table and column; numbers as their digits.
    pub async fn values(&self) -> Vec<(String, Vec<u8>)> {
        if let Some(url) = self.url() {
            let mut connection = PgConnection::connect(&url).await.expect("PostgreSQL takes the connection");
            return all_values!(connection, POSTGRES_COLUMNS);
        }
        let mut connection = self.sqlite().await;
        all_values!(connection, SQLITE_COLUMNS)
    }

    /// The ids of a table's rows, each with what is sealed in a column.
    pub async fn sealed(&self, table: &str, column: &str) -> Vec<(String, Vec<u8>)> {
        let sql = format!("SELECT id, {column} FROM {table} WHERE {column} IS NOT NULL");
        if let Some(url) = self.url() {
            let mut connection = PgConnection::connect(&url).await.expect("PostgreSQL takes the connection");
            let rows = connection.fetch_all(AssertSqlSafe(sql)).await.expect("the table can be read");
            return rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        }
        let rows = self.sqlite().await.fetch_all(AssertSqlSafe(sql)).await.expect("the table can be read");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(Postgres { admin, name }) = self.postgres.take() {
            // A test may end inside its own runtime, which a destructor cannot wait in.
            let drop_it = move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                runtime.expect("a runtime can be made").block_on(as_admin(&admin, &sql));
            };
            drop(std::thread::spawn(drop_it).join());
        }
        // SQLite's own threads may still be making a file while the folder goes.
        let _gone = (0..5).any(|_| std::fs::remove_dir_all(&self.folder).is_ok());
    }
}

/// The admin's URL with another database.
fn url_of(admin: &str, name: &str) -> String {
    let mut url: url::Url = admin.parse().expect("PANORA_TEST_POSTGRES_URL is a URL");
    url.set_path(name);
    url.into()
}

async fn as_admin(admin: &str, sql: &str) {
    let mut connection = PgConnection::connect(admin).await.expect("PostgreSQL takes the connection");
    connection.execute(AssertSqlSafe(sql)).await.expect("the superuser may do this");
}

fn all_files(folder: &std::path::Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).expect("the data folder is there");
    let files = files.map(|file| file.expect("the data folder can be read").path());
    let of_database = files.filter(|file| file.to_string_lossy().contains("sqlite"));
    of_database.flat_map(|file| std::fs::read(file).expect("the file can be read")).collect()
}
