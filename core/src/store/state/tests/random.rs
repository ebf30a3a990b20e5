//! Random lives of a device, each from a seed. A sequence that violates an invariant is printed after a reduction to
//! the necessary events.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Event, NEWEST, Saving};
use super::simulation::Simulation;
use super::*;

/// Minimum number of lives that must reach each case; with fewer the test proves nothing about it.
const ENOUGH: u64 = 100;
/// Takes five seconds in a debug build.
const SEQUENCES: u64 = 400_000;
/// Long enough for a bundle to be installed, proven, replaced and to fail, with an accident in between.
const LONGEST: u64 = 60;

/// splitmix64: a few operations for each number, the same on every machine.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn byte(&mut self) -> u8 {
        self.number().to_be_bytes()[0]
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.number().is_multiple_of(times)
    }

    fn saving(&mut self) -> Saving {
        match self.number() % 8 {
            0 => Saving::DiskFull,
            1 => Saving::Busy,
            _ => Saving::Works,
        }
    }

    fn event(&mut self) -> Event {
        let (session, slot, release) = (self.byte(), self.byte(), self.byte());
        match self.number() % 40 {
            0..=4 => Event::Install { release },
            5..=8 => Event::SetNext { slot },
            9 if self.once_in(3) => Event::AcceptBuiltIn { release },
            9 => Event::ClearNext,
            10 => Event::SetCurrent { session, slot },
            11 => Event::Reset {
                session,
                to_last_proven: self.once_in(2),
            },
            12 => Event::ApplyNext { session },
            13..=15 => Event::Open,
            16..=21 => Event::Launch {
                session,
                how: self.saving(),
            },
            22..=24 => Event::TrialStarted { session },
            25 => Event::TrialSuspended { session },
            26..=28 => Event::ConfirmServed { session },
            29 => Event::ConfirmOther { session, slot },
            30 => Event::TrialExpired { session },
            31..=33 => Event::End { session },
            34 => match self.number() % 3 {
                0 => Event::Delete { slot },
                1 => Event::MarkFailed { slot },
                _ => Event::Forget { release },
            },
            35 if self.once_in(2) => Event::Purge { slot },
            35 | 36 => Event::Clock {
                forward: self.once_in(2),
                seconds: u32::from(self.byte()) * 10,
            },
            37 => Event::SetDelays { kinds: self.byte() },
            38 => match self.number() % 2 {
                0 => Event::Background { session },
                _ => Event::Foreground { session },
            },
            _ => match self.number() % 4 {
                0..3 => Event::NativeUpdate {
                    build: self.byte(),
                    version: self.byte(),
                },
                _ => Event::Open,
            },
        }
    }

    /// Starts the app and runs some events; sometimes repeats them many times in a row.
    fn run(&mut self, events: &mut Vec<Event>) {
        let way = self.number() % 18;
        let times = if self.once_in(4) { 8 } else { 1 };
        for time in 0..times {
            let (session, how) = (NEWEST, self.saving());
            // Sometimes another bundle becomes current in between.
            if time == 2 && way < 8 {
                let (release, slot) = (self.byte(), self.byte());
                events.extend([Event::Install { release }, Event::SetNext { slot }]);
            }
            events.push(Event::Open);
            if way == 16 {
                events.push(Event::Background { session });
            }
            events.push(Event::Launch { session, how });
            if way > 3 {
                events.push(Event::TrialStarted { session });
            }
            match way {
                17 => events.push(Event::Background { session }),
                4..=7 => events.push(Event::ConfirmServed { session }),
                8 => events.push(Event::TrialExpired { session }),
                9 => events.push(Event::TrialSuspended { session }),
                _ => {}
            }
            if !self.once_in(16) {
                events.push(Event::End { session });
            }
        }
    }
}

fn life(seed: u64) -> (Rules, Vec<Event>) {
    let mut random = Random(seed);
    let rules = Rules {
        attempts: 1 + u32::from(random.byte() % 3),
        reset_when_native_changes: random.once_in(2),
        silent_starts: u32::from(random.byte() % 3),
    };
    let length = 5 + random.number() % (LONGEST - 5);
    let mut events = Vec::new();
    while (events.len() as u64) < length {
        if random.once_in(6) {
            random.run(&mut events);
        } else {
            events.push(random.event());
        }
    }
    (rules, events)
}

/// The cases reached, or the number of the event that violated an invariant, and which.
fn live(rules: &Rules, events: &[Event]) -> Result<BTreeSet<String>, (usize, String)> {
    let mut simulation = Simulation::new(rules.clone());
    for (number, event) in events.iter().enumerate() {
        simulation.happen(*event).map_err(|problem| (number, problem))?;
    }
    Ok(simulation.reached)
}

/// Removes events that are not needed to violate an invariant, as far as possible.
fn shrink(rules: &Rules, mut events: Vec<Event>) -> (Vec<Event>, String) {
    let mut problem = String::new();
    loop {
        if let Err((last, found)) = live(rules, &events) {
            events.truncate(last + 1);
            problem = found;
        }
        let shorter = (0..events.len()).find_map(|taken| {
            let mut fewer = events.clone();
            fewer.remove(taken);
            live(rules, &fewer).is_err().then_some(fewer)
        });
        match shorter {
            Some(fewer) => events = fewer,
            None => return (events, problem),
        }
    }
}

fn fail(seed: u64, rules: &Rules, events: Vec<Event>) -> ! {
    let (events, problem) = shrink(rules, events);
    let listed: Vec<String> = events.iter().map(|event| format!("    {event:?}")).collect();
    panic!("seed {seed} with {rules:?}:\n{}\n{problem}", listed.join("\n"));
}

#[test]
fn no_sequence_of_events_breaks_an_invariant() {
    let mut lives_that = BTreeMap::<String, u64>::new();
    for seed in 0..SEQUENCES {
        let (rules, events) = life(seed);
        let Ok(reached) = live(&rules, &events) else {
            fail(seed, &rules, events)
        };
        for what in reached {
            *lives_that.entry(what).or_default() += 1;
        }
    }
    eprintln!("{SEQUENCES} lives, of which so many reached: {lives_that:#?}");
    for what in [
        "Current",
        "NextApplied",
        "TrialFailed",
        "TrialNeverStarted",
        "SetAside",
        "on trial again",
        "confirmed without a start",
        "ended in the background",
        "the predecessor went",
        "withdrawn",
        "NativeChanged",
        "OutOfNativeRange",
        "BuiltInIsNewer",
        "not durable",
        "expired",
        "confirmed, first: true",
        "deleted",
        "failed in a switch",
        "marked as failed",
        "accepted",
        "replay refused",
        "built-in accepted",
        "built-in accepted in place of the next bundle",
        "built-in accepted where it was",
        "built-in replay refused",
    ] {
        let lives = lives_that.get(what).copied().unwrap_or_default();
        assert!(lives >= ENOUGH, "only {lives} lives reached: {what}");
    }
}
