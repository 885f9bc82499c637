//! The same for kinds about measured memory, which serde reads.

use super::{big, id, line_of, record, small, text};
use crate::{
    engine::{
        Cause, Event, Figures, Impact, MeasureEvent, MemoryEvent, ModelEvent, Relief, Scarce,
        TalkEvent,
    },
    graph::random::Rng,
    journal::format::{Line, decode},
};

#[test]
fn every_kind_about_measured_memory_is_read_as_it_was_written() {
    let mut rng = Rng(13);
    for i in 0..200 {
        let rng = &mut rng;
        let event = match i % 2 {
            0 => MeasureEvent::Leaking {
                agent: id(rng),
                attempt: small(rng),
                bytes: big(rng),
                reserved_bytes: big(rng),
                growth_bytes_per_min: big(rng).cast_signed(),
            },
            _ => MeasureEvent::OverLimit {
                agent: id(rng),
                attempt: small(rng),
                bytes: big(rng),
                limit_bytes: big(rng),
            },
        };
        let name = event.kind();
        let mut record = record(rng, 7);
        record.event = Event::from(event);
        let line = line_of(&record);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["kind"], name);
        assert_eq!(decode(&line), Ok(Line::Record(record)));
    }
}

/// Two events are called `resource.shortage`, and two `resource.recovered`: what a provider does not give, and what
/// the machine or the plan does not. Each is read as what it was.
#[test]
fn shortages_of_providers_and_of_the_machine_are_told_apart() {
    let mut rng = Rng(17);
    let rng = &mut rng;
    let figures = Figures {
        total_bytes: 7,
        ..Figures::default()
    };
    let events: [Event; 5] = [
        MemoryEvent::Shortage {
            resource: Scarce::Memory,
            strategy: Relief::LightweightSubstitution,
            reason: text(rng),
            impacts: vec![Impact {
                frees_bytes: 5,
                ..Impact::of(Relief::LightweightSubstitution, 2)
            }],
            figures,
        }
        .into(),
        MemoryEvent::Recovered {
            resource: Scarce::ApiTokens,
            figures,
        }
        .into(),
        TalkEvent::Limited {
            agent: id(rng),
            attempt: 1,
            provider: text(rng),
            until_us: 5,
            reason: text(rng),
            resource: Scarce::ApiTokens,
            strategy: Relief::BatchAgents,
        }
        .into(),
        TalkEvent::Unlimited {
            provider: text(rng),
        }
        .into(),
        ModelEvent::Swapped {
            agent: id(rng),
            attempt: small(rng),
            from: text(rng),
            to: text(rng),
            cause: Cause::Zone,
            frees_bytes: big(rng),
            later_bytes: big(rng),
            others: small(rng),
            held_bytes: Some(big(rng)),
            number: 3,
            figures: Some(Box::new(figures)),
        }
        .into(),
    ];
    for event in events {
        let mut record = record(rng, 7);
        record.event = event;
        let line = line_of(&record);
        assert_eq!(decode(&line), Ok(Line::Record(record)));
    }
}
