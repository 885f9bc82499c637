//! Workspaces and merges under virtual time: they come late, clash and fail by seed.

use wavedeck::{
    engine::{
        Absent, Action, Boundary, Clash, Command, Foreseen, Found, InputKind, MergeOutcome, Offer,
        Pick, Prepared, RuleCommand, Settle, Status, Unready, WorkStage,
    },
    plan::AgentIx,
};

use super::World;

impl World {
    /// Carries out what is asked of workspaces.
    pub fn work(&mut self, command: Command) {
        let error = || "no space left".to_owned();
        let fails = self.r.chance(4);
        let after = 500 + self.r.below(3_000_000);
        let number = self.r.below(1_000_000);
        let input = match command {
            Command::Prepare { agent, attempt } => InputKind::Prepared {
                agent,
                attempt,
                done: if fails {
                    let room = self.r.chance(50);
                    Err(if room {
                        Unready::NoRoom
                    } else {
                        Unready::Failed
                    }(error()))
                } else {
                    Ok(Prepared {
                        base: self.base(agent),
                        path: format!("/work/{}.{attempt}", agent.ix()),
                        level: Boundary::Watched,
                    })
                },
            },
            Command::Collect { agent, attempt } => InputKind::Collected {
                agent,
                attempt,
                found: if fails {
                    Err(error())
                } else {
                    Ok(Box::new(self.found(agent)))
                },
            },
            Command::Inspect { agent, number } => InputKind::Inspected {
                agent,
                number,
                missing: if fails {
                    Err(error())
                } else {
                    Ok(self.absent(agent))
                },
            },
            Command::Merge { number } => InputKind::Merged {
                number,
                outcome: Box::new(self.outcome(number)),
            },
            Command::Advance { number } => {
                let told = self.at_work().into_iter();
                let files = || vec!["src/d.rs".to_owned()];
                InputKind::Advanced {
                    number,
                    done: if fails {
                        Err(error())
                    } else {
                        Ok(told.map(|ix| (ix, files())).collect())
                    },
                }
            }
            Command::Checkout => {
                let Some(checkout) = &self.state.merges.checkout else {
                    return;
                };
                InputKind::CheckedOut {
                    commit: checkout.commit.clone(),
                    base: None,
                    done: if fails {
                        Err(error())
                    } else {
                        Ok(format!("/work/integration.{number}"))
                    },
                }
            }
            Command::CheckoutBase => {
                let (Some(base), Some(commit)) = (&self.state.merges.base, &self.state.base_commit)
                else {
                    return;
                };
                InputKind::CheckedOut {
                    commit: commit.clone(),
                    base: Some(base.number),
                    done: if fails {
                        Err(error())
                    } else {
                        Ok(format!("/work/base.{}", base.number))
                    },
                }
            }
            Command::RollBack { number } => InputKind::RolledBack {
                number,
                done: if fails { Err(error()) } else { Ok(()) },
            },
            Command::Deliver => {
                let Some(delivery) = &self.state.merges.delivery else {
                    return;
                };
                // Either something went wrong, or a person is asked.
                let wrong = fails && delivery.forward.is_none();
                InputKind::Delivered {
                    commit: delivery.commit.clone(),
                    branch: "wavedeck/sim".to_owned(),
                    forwarded: delivery.forward.clone().filter(|_| !fails),
                    error: wrong.then(error),
                    offer: (!fails && delivery.forward.is_none() || self.r.chance(30))
                        .then(|| Offer {
                            to: Some("main".to_owned()),
                            commits: Some(3),
                            files: Some(7),
                            hindered: fails.then(error),
                        })
                        .filter(|_| !wrong),
                }
            }
            _ => return,
        };
        self.later(after, input);
    }

    /// Where a workspace is made; nothing of what was merged meanwhile is in it.
    fn base(&self, agent: AgentIx) -> String {
        let work = self.state.agent(agent).work.as_ref();
        work.map(|work| work.base.clone()).unwrap_or_default()
    }

    /// Files that are not where they should be: seldom, for a person has to see to them.
    fn absent(&mut self, agent: AgentIx) -> Vec<Absent> {
        let wanted = self.state.wanted(agent);
        let gone = self.r.chance(10);
        let wanted = wanted.into_iter().filter(|_| gone);
        let absent = wanted.map(|wanted| Absent {
            from: wanted.from.map(|from| self.state.id(from)),
            path: wanted.path,
        });
        absent.collect()
    }

    fn found(&mut self, agent: AgentIx) -> Found {
        let found = self.anything();
        if self.state.setup.own(agent) {
            return found;
        }
        // In the repository itself there is nothing to collect but what was handed off.
        Found {
            handoff: found.handoff,
            facts: found.facts,
            ..Found::default()
        }
    }

    fn anything(&mut self) -> Found {
        let number = self.r.below(u64::MAX);
        Found {
            commit: self.r.chance(90).then(|| format!("commit-{number}")),
            tree: Some(format!("tree-{}", number % 2)),
            changed: 3,
            added: 10,
            removed: 2,
            committed_for: self.r.chance(30),
            outside: if self.r.chance(8) {
                vec!["other/file".to_owned()]
            } else {
                Vec::new()
            },
            missing: if self.r.chance(5) {
                vec!["promised".to_owned()]
            } else {
                Vec::new()
            },
            handoff: match self.r.below(20) {
                0 => Some(Err("no front matter".to_owned())),
                1..=9 => Some(Ok((true, 0))),
                _ => None,
            },
            facts: if self.r.chance(12) {
                let value = self.r.below(3).to_string();
                [("port".to_owned(), value)].into()
            } else {
                std::collections::BTreeMap::new()
            },
        }
    }

    fn outcome(&mut self, number: u32) -> MergeOutcome {
        let settled = (self.state.merges.now.as_ref()).is_some_and(|now| now.conflict.is_some());
        let with = self
            .state
            .merges
            .done
            .last()
            .map(|merged| self.state.id(merged.agent));
        let with: Vec<_> = with.into_iter().collect();
        let clash = Clash {
            files: vec!["src/a.rs".to_owned()],
            file_count: 1,
            hunks: 2,
            lines: 9,
            kinds: Vec::new(),
            complexity: u32::try_from(self.r.below(1001)).unwrap(),
        };
        let now = self.state.merges.now.as_ref();
        let commanded = now.is_some_and(|now| now.commanded);
        let of = now.map(|now| (now.theirs.clone(), now.onto.clone()));
        let of = of.unwrap_or_default();
        if !commanded && (self.ruled.contains(&of) || self.r.chance(8)) {
            self.ruled.insert(of);
            let command = |n: u64| RuleCommand {
                argv: vec![format!("make-{n}")],
                files: vec![format!("lock-{n}")],
            };
            return MergeOutcome::Command {
                path: format!("/work/merge.{number}"),
                commands: (0..=self.r.below(2)).map(command).collect(),
                clash,
                with,
            };
        }
        match self.r.below(100) {
            0..3 => MergeOutcome::Failed {
                error: "no space left".to_owned(),
            },
            // What clashed on this very head is not in it.
            3..6 if !commanded => MergeOutcome::Contained,
            6..25 if !settled || self.r.chance(20) => MergeOutcome::Conflict {
                clash,
                with,
                why: commanded.then(|| "left no file there".to_owned()),
            },
            n => MergeOutcome::Clean {
                commit: format!("merge-{number}-{}", self.r.below(u64::MAX)),
                path: format!("/work/merge.{number}"),
                checked: n % 3 == 0 && !commanded,
                tree: Some(format!("tree-{}", n % 3)),
                overlap: if n % 4 == 0 {
                    vec!["src/b.rs".to_owned()]
                } else {
                    Vec::new()
                },
                with,
                clash: (settled || commanded).then_some(clash),
            },
        }
    }

    /// What a person asks for about conflicts and merged work.
    pub fn about_work(&mut self) -> Action {
        let conflicts = &self.state.merges.conflicts;
        let open = conflicts.iter().filter(|(_, c)| c.resolved.is_none());
        let open: Vec<u32> = open.map(|(id, _)| *id).collect();
        let conflict = if open.is_empty() || self.r.chance(10) {
            u32::try_from(self.r.below(4)).unwrap()
        } else {
            *self.r.pick(&open)
        };
        match self.r.below(5) {
            0 => self.back(),
            1 => Action::Undo { conflict },
            2 => Action::Settle {
                conflict,
                how: *self.r.pick(&Settle::ALL),
                note: None,
            },
            _ => Action::Choose {
                conflict,
                file: None,
                hunk: None,
                pick: self.r.pick(&[Pick::Ours, Pick::Theirs, Pick::Both]).clone(),
            },
        }
    }

    /// To a checkpoint that there is, or one that there may not be.
    pub fn back(&mut self) -> Action {
        let points = self.state.merges.checkpoints.iter().map(|c| c.wave);
        let mut waves: Vec<u32> = points.collect();
        waves.extend([0, 0, 1]);
        Action::Rollback {
            wave: *self.r.pick(&waves),
        }
    }

    /// What happens to work on its way: it clashes with other work, it leaves its scope, a person takes
    /// it back while nothing moves.
    pub fn disturb_work(&mut self) {
        if self.r.chance(6) {
            self.foresee();
        }
        if self.r.chance(2) {
            self.leave_scope();
        }
        if self.r.chance(4) {
            self.review();
        }
        let merged = !self.state.merges.done.is_empty();
        if merged && self.processes.is_empty() && self.r.chance(6) {
            let action = self.back();
            self.operator(action);
        }
    }

    /// A person says something about finished work, and mostly sends it back then.
    fn review(&mut self) {
        let collected = |ix: &AgentIx| {
            let work = self.state.agent(*ix).work.as_ref();
            work.is_some_and(|work| work.stage >= WorkStage::Collected)
        };
        let open: Vec<AgentIx> = (self.state.setup.plan.indices().filter(collected))
            .filter(|&ix| self.state.agent(ix).status != Status::Succeeded)
            .collect();
        if open.is_empty() {
            return;
        }
        let agent = self.state.id(*self.r.pick(&open)).to_string();
        self.operator(Action::Comment {
            agent: agent.clone(),
            file: "src/a.rs".to_owned(),
            line: 3,
            text: "not so".to_owned(),
        });
        if self.r.chance(70) {
            self.operator(Action::SendBack { agent });
        }
    }

    fn at_work(&self) -> Vec<AgentIx> {
        let plan = &self.state.setup.plan;
        let at_work = |ix: &AgentIx| {
            self.state.setup.own(*ix) && self.state.agent(*ix).status == Status::Running
        };
        plan.indices().filter(at_work).collect()
    }

    fn leave_scope(&mut self) {
        if let Some(&agent) = self.at_work().first() {
            let attempt = self.state.agent(agent).attempt;
            let paths = vec![format!("else/where{}", self.r.below(3))];
            self.input(InputKind::Outside {
                agent,
                attempt,
                paths,
            });
        }
    }

    /// Two agents would clash, or no longer would: mostly two that run.
    fn foresee(&mut self) {
        let agents = self.state.setup.plan.agents.len() as u64;
        if agents < 2 {
            return;
        }
        let one = self.r.below(agents) as usize;
        let other = (one + 1 + self.r.below(agents - 1) as usize) % agents as usize;
        let (mut one, mut other) = (one, other);
        if let [a, .., b] = self.at_work()[..]
            && self.r.chance(80)
        {
            (one, other) = (a.ix(), b.ix());
        }
        let clash = self.r.chance(70).then(|| Foreseen {
            files: vec!["src/c.rs".to_owned()],
            kinds: Vec::new(),
            critical: self.r.chance(30),
        });
        self.input(InputKind::Foreseen {
            agent: AgentIx::of(one),
            with: AgentIx::of(other),
            clash,
        });
    }
}
