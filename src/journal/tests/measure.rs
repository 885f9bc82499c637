//! The same for kinds about measured memory, which serde reads.

use super::{big, id, line_of, record, small};
use crate::{
    engine::{Event, MeasureEvent},
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
