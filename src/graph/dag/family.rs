//! Parents and sub-agents.

use crate::plan::{AgentIx, Plan};

use super::Csr;

/// Parents, with the ancestor test in constant time.
pub(super) struct Family {
    pub parent: Vec<Option<AgentIx>>,
    root: Vec<AgentIx>,
    enter: Vec<u32>,
    leave: Vec<u32>,
}

impl Family {
    pub(super) fn new(plan: &Plan) -> Self {
        let n = plan.agents.len();
        let mut parent: Vec<Option<AgentIx>> = plan
            .agents
            .iter()
            .map(|a| a.parent.filter(|p| p.ix() < n))
            .collect();
        let subs = Csr::new(
            n,
            parent
                .iter()
                .enumerate()
                .filter_map(|(i, p)| p.map(|p| (p.ix(), i))),
        );
        let (mut enter, mut leave) = (vec![0_u32; n], vec![0_u32; n]);
        let mut root: Vec<AgentIx> = (0..n).map(AgentIx::of).collect();
        let mut reached = vec![false; n];
        let mut clock = 0_u32;
        let mut stack: Vec<(usize, usize)> = Vec::new();
        let mut walk = |start: usize, reached: &mut [bool]| {
            reached[start] = true;
            clock += 1;
            enter[start] = clock;
            stack.push((start, 0));
            while let Some((at, child)) = stack.pop() {
                if let Some(&sub) = subs.row(at).get(child) {
                    stack.push((at, child + 1));
                    if !reached[sub] {
                        reached[sub] = true;
                        root[sub] = AgentIx::of(start);
                        clock += 1;
                        enter[sub] = clock;
                        stack.push((sub, 0));
                    }
                } else {
                    clock += 1;
                    leave[at] = clock;
                }
            }
        };
        for (i, up) in parent.iter().enumerate() {
            if up.is_none() {
                walk(i, &mut reached);
            }
        }
        // A ring of parents (a checked plan has none) is opened at its first member.
        for i in 0..n {
            if !reached[i] {
                parent[i] = None;
                walk(i, &mut reached);
            }
        }
        Self {
            parent,
            root,
            enter,
            leave,
        }
    }

    pub(super) fn is_ancestor(&self, above: AgentIx, below: AgentIx) -> bool {
        let (a, b) = (above.ix(), below.ix());
        a < self.enter.len() && self.enter[a] < self.enter[b] && self.leave[b] < self.leave[a]
    }

    pub(super) fn root(&self, ix: AgentIx) -> AgentIx {
        self.root[ix.ix()]
    }
}
