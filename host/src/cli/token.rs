//! `omega token`: who may do what with a node.

use std::path::PathBuf;

use crate::failure::{Failure, HostCode};
use crate::report::{Outcome, Report, plural};
use crate::serve::auth::{Scope, Tokens};
use crate::serve::settings::Given;

/// Flags of `token`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Make a token; it is shown this once
    Add(AddArgs),
    /// Tokens that there are: names, what they allow, never themselves
    List(ListArgs),
    /// Take a token back, at once
    Revoke(RevokeArgs),
}

/// Flags of `token add`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega token add --data node --name alice --scope append --log alice
  omega token add --data node --name grafana --scope read

`operate` allows everything else, too. A node that runs takes changes at once.")]
pub struct AddArgs {
    /// Whose it is: stands beside what is done with it
    #[arg(long, value_name = "TEXT")]
    pub name: String,
    /// What it allows; repeat it for each
    #[arg(long = "scope", value_name = "SCOPE", value_enum, required = true)]
    pub scopes: Vec<Scope>,
    /// A log that may be written with it; repeat it for each [default: all]
    #[arg(long = "log", value_name = "NAME")]
    pub logs: Vec<String>,
    /// The node's data folder [default: the user's]
    #[arg(long, value_name = "DIR", env = "OMEGA_DATA_DIR")]
    pub data: Option<PathBuf>,
}

/// Flags of `token list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega token list --data node")]
pub struct ListArgs {
    /// The node's data folder [default: the user's]
    #[arg(long, value_name = "DIR", env = "OMEGA_DATA_DIR")]
    pub data: Option<PathBuf>,
}

/// Flags of `token revoke`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega token revoke --data node --name alice")]
pub struct RevokeArgs {
    /// Whose it is
    #[arg(long, value_name = "TEXT")]
    pub name: String,
    /// The node's data folder [default: the user's]
    #[arg(long, value_name = "DIR", env = "OMEGA_DATA_DIR")]
    pub data: Option<PathBuf>,
}

/// Does it.
pub fn run(args: Args) -> Result<Report, Failure> {
    match args.action {
        Action::Add(args) => add(&args),
        Action::List(args) => list(&args),
        Action::Revoke(args) => revoke(&args),
    }
}

fn open(data: Option<&PathBuf>) -> Result<(PathBuf, Tokens), Failure> {
    let settings = Given { data: data.cloned(), ..Given::default() }.settle()?;
    if !settings.data.is_dir() {
        return Err(Failure::new(HostCode::NotFound, "there is no such data folder")
            .hint("`omega serve --data DIR` makes one.")
            .file(&settings.data));
    }
    let tokens = Tokens::open(&settings.data)?;
    Ok((settings.data, tokens))
}

fn add(args: &AddArgs) -> Result<Report, Failure> {
    let (data, mut tokens) = open(args.data.as_ref())?;
    let secret = tokens.add(&args.name, &args.scopes, &args.logs)?;
    tokens.write(&data)?;
    Ok(Report::new("token", Outcome::Ok)
        .message(format!("a token for {}; it cannot be shown again", args.name))
        .line(format!("  {secret}"))
        .hint("Send it as `Authorization: Bearer TOKEN`.")
        .field("name", args.name.clone())
        .field("token", secret))
}

fn list(args: &ListArgs) -> Result<Report, Failure> {
    let (_, tokens) = open(args.data.as_ref())?;
    let report = Report::new("token", Outcome::Ok).message(plural(tokens.all.len() as u64, "token"));
    let shown = |token: &crate::serve::auth::Token| serde_json::json!({ "name": token.name, "scopes": token.scopes, "logs": token.logs });
    let report = report.field("tokens", tokens.all.iter().map(shown).collect::<Vec<_>>());
    Ok(tokens.all.iter().fold(report, |report, token| {
        let scopes: Vec<String> =
            token.scopes.iter().map(|scope| format!("{scope:?}").to_lowercase()).collect();
        let logs = if token.logs.is_empty() { "all logs".to_owned() } else { token.logs.join(", ") };
        report.line(format!("  {:<20} {:<20} {logs}", token.name, scopes.join(", ")))
    }))
}

fn revoke(args: &RevokeArgs) -> Result<Report, Failure> {
    let (data, mut tokens) = open(args.data.as_ref())?;
    let before = tokens.all.len();
    tokens.all.retain(|token| token.name != args.name);
    if tokens.all.len() == before {
        return Err(Failure::usage(format!("there is no token named {:?}", args.name))
            .hint("`omega token list` names those that there are."));
    }
    tokens.write(&data)?;
    Ok(Report::new("token", Outcome::Ok)
        .message(format!("the token {} is taken back", args.name))
        .field("name", args.name.clone()))
}
