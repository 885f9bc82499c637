//! Who does not fit now, where that may pass: nobody is given up for figures of before, nor for what was learnt.

use super::*;

const GIB: u64 = 1 << 30;

/// Agents of so many GiB, one after the other, on 6 GiB; nobody watches.
fn rig(gib: [u64; 2]) -> Rig {
    let mut plan = empty();
    plan.agents = vec![agent("a", 1, gib[0] * 1024), agent("b", 1, gib[1] * 1024)];
    plan.agents[1].needs = vec![hard(0)];
    let mut rig = Rig::new(plan, false);
    Arc::make_mut(&mut rig.state.setup).ram_limit_bytes = 6 * GIB;
    rig
}

/// As sampled: agents hold so much, of it so much beyond what was reserved.
fn figures(agents_gib: u64, excess_gib: u64) -> Figures {
    Figures {
        total_bytes: 64 * GIB,
        available_bytes: (64 - agents_gib) * GIB,
        agents_bytes: agents_gib * GIB,
        excess_bytes: excess_gib * GIB,
        ..Figures::default()
    }
}

impl Rig {
    fn seen(&mut self, figures: Figures, kind: InputKind) {
        self.now_us += 1;
        let input = Input {
            at_ms: 0,
            elapsed_us: self.now_us,
            figures,
            uses: Uses::default(),
            kind,
        };
        let turn = turn(&mut self.state, &input);
        self.events
            .extend(turn.records.into_iter().map(|r| r.event));
    }
}

fn done(ix: u32) -> InputKind {
    InputKind::Ended {
        key: JobKey::main(AgentIx(ix), 1),
        exit: Exit::Code(0),
        cpu_us: 0,
        peak_bytes: 0,
        output_bytes: 0,
        leaked: 0,
        present: Vec::new(),
        handoff: false,
    }
}

#[test]
fn the_last_reading_before_an_end_gives_nobody_up() {
    let mut rig = rig([1, 3]);
    // It used 5 GiB of its 1 GiB when memory was read last.
    rig.seen(figures(5, 4), done(0));
    assert_eq!((rig.status(1), rig.state.finished), (Status::Ready, None));
    rig.seen(figures(0, 0), InputKind::Settle);
    assert_eq!(rig.status(1), Status::Scheduled);
}

#[test]
fn who_is_let_go_on_while_it_is_being_parked_comes_back() {
    for again in [false, true] {
        let mut rig = rig([1, 1]);
        rig.act(Action::Park {
            target: "a".parse().unwrap(),
        });
        if again {
            rig.act(resume("a"));
        }
        rig.end_agent(0, 15);
        let wanted = if again {
            (Status::Running, 2)
        } else {
            (Status::Parked, 1)
        };
        assert_eq!((rig.status(0), rig.state.agent(AgentIx(0)).attempt), wanted);
    }
}

#[test]
fn what_it_used_before_refuses_nobody_that_fits_as_stated() {
    let text = "[model.qwen]\napi = \"ollama\"\nurl = \"http://127.0.0.1:9\"\nram = \"20GiB\"\n\
         [worker.local]\nrun = [\"x\"]\nmodel = \"qwen\"\n\
         [[agent]]\nid = \"a\"\nworker = \"local\"\nworkspace = \"shared\"\nprompt = \"x\"\nram = \"1GiB\"\n\
         retry = { attempts = 2, base = \"0s\" }\n";
    let options = crate::plan::LoadOptions::default();
    let loaded = crate::plan::load(text, &options, &mut |_| Err(String::new()));
    let mut rig = Rig::new(loaded.unwrap().plan, false);
    Arc::make_mut(&mut rig.state.setup).ram_limit_bytes = 24 * GIB;
    rig.input(InputKind::Ended {
        key: JobKey::main(AgentIx(0), 1),
        exit: Exit::Code(1),
        cpu_us: 0,
        peak_bytes: 6 * GIB,
        output_bytes: 0,
        leaked: 0,
        present: Vec::new(),
        handoff: false,
    });
    rig.now_us += SECOND;
    rig.input(InputKind::Deadline);
    // With its model it used 26 GiB then, of 24: alone it goes on all the same, with all there is.
    assert_eq!(
        (rig.status(0), rig.state.agent(AgentIx(0)).attempt),
        (Status::Running, 2)
    );
    assert_eq!(rig.state.reserved(AgentIx(0)), 4 * GIB);
}
