//! Hand-offs on the disk: where an agent may write its own, what of it is kept, and whether what an
//! agent is to begin with is there.
//!
//! What an agent wrote is hostile: no link is followed, no more is read than a hand-off may hold, and
//! what is kept was read and written anew. Must not decide what follows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    display::clean_line,
    engine::{Absent, Found, InputKind, Wanted, WantedAt},
    handoff::{self, Handoff},
    plan::AgentIx,
    runtime::{reports, turns::complain},
    sys::lock::private_dir,
    workspace::{Collected, merge::entries_in},
};

use super::{
    conflicts::put,
    note,
    order::{Attempt, Order},
    place::{Driver, Ground, NAMED, named, said},
};

/// Folder of the hand-offs in a run's folder.
const FOLDER: &str = "handoff";
/// Commits of which the first line is told.
const COMMITS: &str = "50";

/// What is known of a hand-off, for the engine: from facts or not, and its artefacts; or what is wrong.
type Told = Option<Result<(bool, u32), String>>;

/// The folder that agents write their hand-offs into.
pub(in crate::runtime) fn drafts(run_dir: &Path) -> PathBuf {
    run_dir.join(FOLDER).join("draft")
}

/// The file that an attempt may write its hand-off into.
pub(in crate::runtime) fn draft(run_dir: &Path, agent: &str, attempt: u32) -> PathBuf {
    drafts(run_dir).join(format!("{agent}.{attempt}.md"))
}

/// The hand-off of an agent that was accepted.
pub(in crate::runtime) fn kept(run_dir: &Path, agent: &str) -> PathBuf {
    run_dir.join(FOLDER).join(format!("{agent}.md"))
}

impl Driver {
    /// The hand-off of an attempt: its own, or one from facts; kept where it is complete.
    pub fn handed_off(
        &self,
        ground: &Ground,
        of: &Attempt,
        collected: &Collected,
    ) -> (Told, BTreeMap<String, String>) {
        let exists = &mut |paths: &[&str]| there(ground, &collected.commit, paths);
        self.written(of, exists).unwrap_or_else(|| {
            let made = self.cleaned(&self.made_from_facts(ground, of, collected));
            let told = match self.keep_handoff(of, &made, true) {
                Ok(count) => Some(Ok((true, count))),
                Err(error) => {
                    // It would have said nothing that is not known otherwise.
                    let id = &self.settings.now().plan.agent(of.agent).id.clone();
                    complain(&format!("the hand-off of {id} cannot be kept: {error}"));
                    None
                }
            };
            (told, BTreeMap::new())
        })
    }

    /// What an agent left that works in the repository itself: a hand-off, if it wrote one.
    fn collect_shared(&self, of: &Attempt) -> Found {
        let folder = &self.settings.workdir;
        let exists = &mut |paths: &[&str]| in_folder(folder, paths);
        let (handoff, facts) = self.written(of, exists).unwrap_or_default();
        if let Some(Err(why)) = &handoff {
            let setup = self.settings.now();
            let id = setup.plan.agent(of.agent).id.as_str();
            let reason = format!("its hand-off: {why}");
            let reason = self.settings.redactor.clean(&reason);
            let noted = note::plain(&self.settings.run_dir, id, of.number, &reason);
            if let Err(error) = noted {
                complain(&format!("the note for {id} cannot be written: {error}"));
            }
        }
        Found {
            handoff,
            facts,
            ..Found::default()
        }
    }

    /// The hand-off that an agent wrote itself; none: it wrote nothing.
    fn written(
        &self,
        of: &Attempt,
        exists: handoff::Exists<'_>,
    ) -> Option<(Told, BTreeMap<String, String>)> {
        let setup = self.settings.now();
        let id = setup.plan.agent(of.agent).id.as_str();
        let path = draft(&self.settings.run_dir, id, of.number);
        let name = format!("{FOLDER}/draft/{id}.{}.md", of.number);
        let bytes = match reports::contents(&path) {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => return None,
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                let why = clean_line(format!("{name}: {error}"), 600);
                return Some((Some(Err(why)), BTreeMap::new()));
            }
        };
        let told = handoff::read(&bytes, &name, exists)
            .map_err(said)
            .and_then(|found| {
                let found = self.without_secrets(of, &found, &path);
                let count = self.keep_handoff(of, &found, false).map_err(said)?;
                Ok((count, found.facts))
            });
        Some(match told {
            Ok((count, facts)) => (Some(Ok((false, count))), facts),
            Err(why) => {
                let text = String::from_utf8_lossy(&bytes);
                Self::replace(&path, &self.settings.redactor.clean(&text));
                (Some(Err(why)), BTreeMap::new())
            }
        })
    }

    /// Takes secrets out of a hand-off, and out of the agent's own file: that lies among the records.
    fn without_secrets(&self, of: &Attempt, found: &Handoff, path: &Path) -> Handoff {
        let clean = self.cleaned(found);
        if clean != *found {
            let setup = self.settings.now();
            let id = &setup.plan.agent(of.agent).id;
            let text = handoff::render(&clean, id, of.number, false);
            Self::replace(path, &text);
        }
        clean
    }

    fn cleaned(&self, found: &Handoff) -> Handoff {
        let one = |text: &String| self.settings.redactor.clean(text);
        let all = |texts: &[String]| texts.iter().map(one).collect();
        Handoff {
            done: all(&found.done),
            open: all(&found.open),
            next: all(&found.next),
            facts: (found.facts.iter())
                .map(|(key, value)| (key.clone(), one(value)))
                .collect(),
            text: one(&found.text),
            // Names of files, which are there.
            artefacts: found.artefacts.clone(),
        }
    }

    /// Puts clean text in the place of what an agent wrote.
    fn replace(path: &Path, text: &str) {
        if let Err(error) = put(path, text.as_bytes()) {
            complain(&format!("{} may hold secrets: {error}", path.display()));
        }
    }

    fn made_from_facts(&self, ground: &Ground, of: &Attempt, collected: &Collected) -> Handoff {
        let setup = self.settings.now();
        let agent = setup.plan.agent(of.agent);
        let changed = &collected.changed;
        let paths: Vec<String> = (changed.list.iter())
            .take(handoff::MOST_ARTEFACTS)
            .map(|change| clean_line(&change.path, handoff::LONGEST))
            .collect();
        let more = changed.total.saturating_sub(paths.len());
        // A commit of ours says no more than the title.
        let ours = u64::from(collected.committed_by_us);
        let commits = if collected.new_commits > ours {
            subjects(ground, &collected.base, &collected.commit)
        } else {
            Vec::new()
        };
        handoff::from_facts(agent, &commits, &paths, more)
    }

    /// Keeps a hand-off and returns how many artefacts it names.
    fn keep_handoff(&self, of: &Attempt, found: &Handoff, from_facts: bool) -> io::Result<u32> {
        let setup = self.settings.now();
        let id = &setup.plan.agent(of.agent).id;
        let path = kept(&self.settings.run_dir, id.as_str());
        let text = handoff::render(found, id, of.number, from_facts);
        private_dir(path.parent().unwrap_or(&path))?;
        put(&path, text.as_bytes())?;
        Ok(u32::try_from(found.artefacts.len()).unwrap_or(u32::MAX))
    }

    /// Carries out what is about the repository's folder alone, which need not be one of git; gives the
    /// rest back.
    pub fn without_git(&self, order: Order) -> Option<Order> {
        match order {
            Order::Collect(of) if !self.settings.now().own(of.agent) => {
                self.collected(&of, Ok(self.collect_shared(&of)));
                None
            }
            Order::Inspect {
                agent,
                number,
                wanted,
            } if wanted.iter().all(|one| one.at == WantedAt::Folder) => {
                self.look_for((agent, number), None, &wanted);
                None
            }
            order => Some(order),
        }
    }

    /// Looks for what an agent is to begin with, and tells.
    pub fn look_for(
        &self,
        (agent, number): (AgentIx, u32),
        ground: Option<&Ground>,
        wanted: &[Wanted],
    ) {
        let missing = self.inspect(ground, wanted);
        self.say(Some(InputKind::Inspected {
            agent,
            number,
            missing,
        }));
    }

    /// What of the files that an agent is to begin with is not there.
    fn inspect(&self, ground: Option<&Ground>, wanted: &[Wanted]) -> Result<Vec<Absent>, String> {
        let places: BTreeSet<Option<&str>> = wanted.iter().map(place).collect();
        let mut known: BTreeMap<(Option<&str>, &str), bool> = BTreeMap::new();
        for at in places {
            let here = wanted.iter().filter(|one| place(one) == at);
            let paths: Vec<&str> = here.map(|one| one.path.as_str()).collect();
            let found = match (at, ground) {
                (None, _) => in_folder(&self.settings.workdir, &paths),
                (Some(commit), Some(ground)) => {
                    entries_in(&ground.store, commit, &plain(&paths)).map_err(said)?
                }
                (Some(_), None) => return Err("there is no repository".to_owned()),
            };
            for (path, there) in paths.into_iter().zip(found) {
                known.insert((at, path), there);
            }
        }
        let absent = |one: &&Wanted| known.get(&(place(one), one.path.as_str())) != Some(&true);
        let missing = wanted.iter().filter(absent).take(NAMED);
        Ok(missing.map(|one| self.absent(one)).collect())
    }

    fn absent(&self, wanted: &Wanted) -> Absent {
        let path = named(std::iter::once(wanted.path.as_bytes()));
        let id = |ix: AgentIx| self.settings.now().plan.agent(ix).id.clone();
        Absent {
            path: path.concat(),
            from: wanted.from.map(id),
        }
    }
}

fn place(wanted: &Wanted) -> Option<&str> {
    match &wanted.at {
        WantedAt::Commit(commit) => Some(commit),
        WantedAt::Folder => None,
    }
}

pub(super) fn plain<'a>(paths: &[&'a str]) -> Vec<&'a str> {
    let short = |path: &&'a str| path.trim_start_matches("./").trim_end_matches('/');
    paths.iter().map(short).collect()
}

/// Which paths a commit has; where git cannot say, none.
fn there(ground: &Ground, commit: &str, paths: &[&str]) -> Vec<bool> {
    entries_in(&ground.store, commit, &plain(paths)).unwrap_or_else(|_| vec![false; paths.len()])
}

/// Which paths a folder has.
fn in_folder(folder: &Path, paths: &[&str]) -> Vec<bool> {
    let there = |path: &&str| fs::symlink_metadata(folder.join(path)).is_ok();
    paths.iter().map(there).collect()
}

/// The first lines of the commits between two, the oldest first.
fn subjects(ground: &Ground, base: &str, commit: &str) -> Vec<String> {
    let range = format!("{base}..{commit}");
    let args = [
        "log",
        "--reverse",
        "--no-decorate",
        "--no-show-signature",
        "--format=%s",
        "-n",
        COMMITS,
        "--end-of-options",
        &range,
    ];
    let found = ground.git().most(64 << 10).output(&args, &[]);
    let text = found.map(|found| found.out).unwrap_or_default();
    let lines = text.split(|&b| b == b'\n');
    lines
        .map(|line| clean_line(line, handoff::LONGEST))
        .collect()
}
