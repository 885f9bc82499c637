//! The repository that a run works on, looked at once, and what every order needs of it.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use crate::{
    conflict::{RepoPath, Rules, scope::Scope},
    display::clean_line,
    engine::{InputKind, MergeOutcome},
    plan::{AgentIx, Plan},
    sys::locked,
    workspace::{
        Git, MakeError, Pool, RepoError, Repository, Workspaces, change,
        merge::{Store, deliver},
        watch::Watch,
    },
};

use super::{Settings, Tell, order::Order};

/// Bytes that stay free on the disk of the workspaces.
const FLOOR: u64 = 512 << 20;
/// Paths of a list that an event carries.
pub(super) const NAMED: usize = 50;
/// Columns of a path in an event.
const PATH: usize = 300;

/// What is looked at before a run: the commit that it starts from, and what a person should know.
#[derive(Debug)]
pub struct Place {
    /// The commit.
    pub commit: String,
    /// Sentences.
    pub notes: Vec<String>,
}

/// Looks whether workspaces can be made for a plan here; none: it needs no workspaces.
///
/// # Errors
/// Why not, and what to do.
pub fn base(plan: &Plan, workdir: &Path) -> Result<Option<Place>, RepoError> {
    let own = |agent: &crate::plan::Agent| agent.workspace == crate::plan::Workspace::Own;
    if !plan.agents.iter().any(own) {
        return Ok(None);
    }
    let repo = Repository::open(workdir)?;
    let commit = repo.base(&plan.base)?;
    // The run has no name yet: any that nobody has shows whether its branch can be made.
    let into = plan.merge.into.replace("${run}", "0.run-to-come");
    deliver::possible(&repo.git(), &into, &commit)
        .map_err(|error| RepoError::Into(error.to_string()))?;
    let dirty = repo.dirty()?;
    let notes = repo.notes(dirty);
    Ok(Some(Place { commit, notes }))
}

/// Carries out orders; shared by its threads.
pub(super) struct Driver {
    pub settings: Settings,
    pub run: String,
    pub tell: Tell,
    pub watch: Mutex<Option<Arc<Watch>>>,
    pub ground: OnceLock<Result<Ground, String>>,
    scopes: Mutex<HashMap<AgentIx, Arc<Scope>>>,
    /// Paths that a merge changed, by its commit.
    touched: Mutex<HashMap<String, Arc<BTreeSet<RepoPath>>>>,
    /// The merge that was last said to wait for room; its number is from 1.
    full: AtomicU32,
    /// It was said that checks wait for room.
    told: AtomicBool,
}

/// What all orders work with.
pub(super) struct Ground {
    pub pool: Pool,
    pub store: Store,
    pub rules: Rules,
}

/// Why something cannot be done, as a clause.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hindered {
    /// The disk is too full just now: nobody's failure.
    NoRoom(String),
    /// Anything else.
    Failed(String),
}

impl From<String> for Hindered {
    fn from(error: String) -> Self {
        Self::Failed(error)
    }
}

impl Ground {
    /// The run's workspaces.
    pub fn spaces(&self) -> &Workspaces {
        self.pool.workspaces()
    }

    /// The user's repository.
    pub fn repo(&self) -> &Repository {
        self.spaces().repository()
    }

    /// Makes a checkout under a name of ours; what a crash left there is made anew.
    pub fn check_out(&self, name: &str, commit: &str) -> Result<String, Hindered> {
        let spaces = self.spaces();
        let made = match spaces.make(name, commit) {
            Err(MakeError::Taken(_)) => {
                spaces.discard(name).map_err(said)?;
                spaces.make(name, commit)
            }
            made => made,
        };
        match made {
            Ok(made) => Ok(path_text(&made.path)?),
            Err(MakeError::NoRoom(full)) => Err(Hindered::NoRoom(said(full))),
            Err(error) => Err(Hindered::Failed(said(error))),
        }
    }

    /// Git on the user's objects and refs.
    pub fn git(&self) -> Git {
        let common = &self.repo().common_dir;
        Git::users(common).git_dir(common)
    }
}

impl Driver {
    pub fn new(settings: Settings, run: String, tell: Tell) -> Self {
        Self {
            settings,
            run,
            tell,
            watch: Mutex::default(),
            ground: OnceLock::new(),
            scopes: Mutex::default(),
            touched: Mutex::default(),
            full: AtomicU32::new(0),
            told: AtomicBool::new(false),
        }
    }

    /// Carries an order out and tells what came of it; returns what is to be done later. `more`: how many
    /// other workspaces are waited for.
    pub fn carry_out(&self, order: Order, more: usize) -> Option<Order> {
        let order = self.without_git(order)?;
        let ground = match self.ground() {
            Ok(ground) => ground,
            Err(error) => {
                self.say(order.refused(error.clone()));
                return None;
            }
        };
        match order {
            Order::Ahead { spare, commit } => {
                ground.pool.want(spare, &commit);
                None
            }
            Order::Discard { name } => {
                // What stays is found when the run is pruned.
                let _ = ground.spaces().discard(&name);
                None
            }
            Order::Prepare(of) => {
                let done = self.prepare(ground, &of, more);
                self.say(Some(InputKind::Prepared {
                    agent: of.agent,
                    attempt: of.number,
                    done,
                }));
                None
            }
            Order::Collect(of) => {
                self.collected(&of, self.collect(ground, &of));
                None
            }
            Order::Inspect {
                agent,
                number,
                wanted,
            } => {
                self.look_for((agent, number), Some(ground), &wanted);
                None
            }
            Order::Merge(of) => {
                let outcome = self.merge(ground, &of);
                let number = of.number;
                let waits = matches!(outcome, MergeOutcome::NoRoom { .. });
                let news = !waits || self.full.swap(number, Ordering::Relaxed) != number;
                self.say(news.then(|| InputKind::Merged {
                    number,
                    outcome: Box::new(outcome),
                }));
                waits.then_some(Order::Merge(of))
            }
            Order::Advance(of) => {
                let done = self.advance(ground, &of);
                let after = done.is_ok().then(|| self.merged(&of)).flatten();
                // The checkout of the result has been checked.
                let _ = ground.spaces().discard(&result_name(of.number));
                let number = of.number;
                self.say(Some(InputKind::Advanced { number, done }));
                after
            }
            Order::Checkout { commit, base } => {
                let name = match base {
                    Some(number) => base_name(number),
                    None => format!("_head.{}", commit.get(..12).unwrap_or(&commit)),
                };
                let done = match ground.check_out(&name, &commit) {
                    Err(Hindered::NoRoom(why)) => {
                        if !self.told.swap(true, Ordering::Relaxed) {
                            let text = format!("checks wait for room for a checkout: {why}");
                            crate::runtime::turns::complain(&text);
                        }
                        return Some(Order::Checkout { commit, base });
                    }
                    Err(Hindered::Failed(error)) => Err(error),
                    Ok(path) => Ok(path),
                };
                self.say(Some(InputKind::CheckedOut { commit, base, done }));
                None
            }
            Order::RollBack {
                number,
                checkpoints,
                commit,
            } => {
                let done = self.roll_back(ground, number, &checkpoints, &commit);
                self.say(Some(InputKind::RolledBack { number, done }));
                None
            }
            Order::Deliver(of) => {
                self.say(Some(self.deliver(ground, *of)));
                None
            }
        }
    }

    /// The agent's workspace goes once its work is in the head, unless it holds what could not be
    /// collected.
    fn merged(&self, of: &super::order::Step) -> Option<Order> {
        let name = self.name(of.agent, of.attempt);
        let whole = !self.left_file(&name).exists();
        let name = self.name(of.agent, of.home);
        whole.then_some(Order::Discard { name })
    }

    pub(super) fn say(&self, input: Option<InputKind>) {
        if let Some(input) = input {
            (self.tell)(input);
        }
    }

    /// Workspaces that nobody has yet.
    pub fn spare(&self) -> usize {
        let ground = self.ground.get().and_then(|ground| ground.as_ref().ok());
        ground.map_or(0, |ground| ground.pool.spare())
    }

    fn ground(&self) -> Result<&Ground, &String> {
        self.ground.get_or_init(|| self.look()).as_ref()
    }

    pub fn look(&self) -> Result<Ground, String> {
        let settings = &self.settings;
        let setup = settings.now();
        let plan = &setup.plan;
        let repo = Repository::open(&settings.workdir).map_err(said)?;
        let common = repo.common_dir.clone();
        let spec = &plan.workspace;
        let (state, run) = (&settings.state_folder, &self.run);
        let spaces =
            Workspaces::new(repo, state, run, &spec.copy, &spec.link, FLOOR).map_err(said)?;
        let spaces = spaces.without(&(settings.leaves)());
        // Left by a runner that died.
        spaces.sweep().map_err(said)?;
        let scratch = spaces.folder().join(".merge");
        Ok(Ground {
            pool: Pool::new(Arc::new(spaces)),
            store: Store::new(common, scratch),
            rules: Rules::new(&plan.merge.rules).map_err(said)?,
        })
    }

    /// The name of an attempt's workspace and ref.
    pub fn name(&self, agent: AgentIx, attempt: u32) -> String {
        format!("{}.{attempt}", self.settings.now().plan.agent(agent).id)
    }

    /// The file that names what could not be collected of an attempt.
    pub fn left_file(&self, name: &str) -> PathBuf {
        let file = format!("{name}.left.md");
        self.settings.run_dir.join("context").join(file)
    }

    /// The scope of an agent, read once.
    pub fn scope(&self, agent: AgentIx) -> Result<Arc<Scope>, String> {
        let mut known = locked(&self.scopes);
        if let Some(scope) = known.get(&agent) {
            return Ok(scope.clone());
        }
        let stated = self.settings.now().plan.agent(agent).scope.clone();
        let stated = stated.unwrap_or_default();
        let scope = Arc::new(Scope::new(&stated.write, &stated.read).map_err(said)?);
        known.insert(agent, scope.clone());
        Ok(scope)
    }

    /// The paths that a merge changed, against the head that it was made on.
    pub fn touched(
        &self,
        ground: &Ground,
        commit: &str,
    ) -> Result<Arc<BTreeSet<RepoPath>>, String> {
        if let Some(known) = locked(&self.touched).get(commit) {
            return Ok(known.clone());
        }
        let changes = change::between(&ground.git(), &format!("{commit}^1"), commit);
        let list = changes.map_err(said)?.list.into_iter();
        let paths: BTreeSet<RepoPath> = list.map(|change| RepoPath::new(change.path)).collect();
        let paths = Arc::new(paths);
        locked(&self.touched).insert(commit.to_owned(), paths.clone());
        Ok(paths)
    }
}

/// The name of the checkout of a merge's result; no agent's begins so.
pub(super) fn result_name(number: u32) -> String {
    format!("_merge.{number}")
}

/// The name of a checkout of the run's base.
pub(super) fn base_name(number: u32) -> String {
    format!("_base.{number}")
}

/// An error as a clause for an event.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
pub(super) fn said(error: impl ToString) -> String {
    clean_line(error.to_string(), 600)
}

/// A path as the journal can hold it.
pub(super) fn path_text(path: &Path) -> Result<String, String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| format!("the folder {} has a name that is not UTF-8", path.display()))
}

/// Paths as an event carries them: clean, bounded.
pub(super) fn named<'a>(paths: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    paths
        .take(NAMED)
        .map(|path| clean_line(path, PATH))
        .collect()
}

/// The commit that a full name of a ref stands for.
pub(super) fn resolved(ground: &Ground, reference: &str) -> Option<String> {
    let name = format!("{reference}^{{commit}}");
    let args = ["rev-parse", "-q", "--verify", "--end-of-options", &name];
    let found = ground.git().output(&args, &[]).ok()?;
    let text = String::from_utf8(found.out).ok()?;
    (found.code == Some(0)).then(|| text.trim_end().to_owned())
}
