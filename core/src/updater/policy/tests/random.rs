//! Random sequences of events. A sequence is known by its seed.

use super::world::{Ending, bundle, id};
use super::*;

/// Two seconds in a debug build. `CAPBUNDLE_POLICY_SEQUENCES` runs more.
const SEQUENCES: u64 = 30_000;
const LONGEST: u64 = 80;

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn number(&mut self) -> u8 {
        u8::try_from(self.below(5)).expect("a small number")
    }

    fn options(&mut self) -> PolicyOptions {
        let modes = [
            UpdateMode::Off,
            UpdateMode::AtBackground,
            UpdateMode::AtInstall,
            UpdateMode::OnLaunch,
            UpdateMode::Always,
            UpdateMode::OnlyDownload,
        ];
        let mode = modes[usize::try_from(self.below(6)).expect("a small number")];
        PolicyOptions::new(mode)
            .with_period(CheckPeriod::from_seconds(if self.once_in(2) { 600 } else { 0 }))
            .with_splash(self.once_in(2).then(|| Duration::from_secs(self.below(2) * 10)))
            .with_bundle_error(self.once_in(2))
            .with_preview(self.once_in(2))
    }

    fn ending(&mut self) -> Ending {
        match self.below(13) {
            12 => Ending::NextAlready,
            0..=3 => Ending::Ready(self.number()),
            4 => Ending::BuiltIn,
            5 => Ending::UpToDate,
            6 => Ending::Blocked,
            7 => Ending::Refused,
            8 => Ending::Limited(self.once_in(2).then(|| self.below(200_000))),
            9 => Ending::Unreachable,
            10 => Ending::Failed {
                is_final: self.once_in(2),
            },
            _ => Ending::Cancelled,
        }
    }

    fn request(&mut self) -> Request {
        match self.below(12) {
            9 | 10 => Request::StartPreview(match self.number() {
                0 => BundleRef::BuiltIn,
                number => bundle(number),
            }),
            11 => Request::LeavePreview,
            0 | 1 => Request::Next(bundle(self.number())),
            2 => Request::Set(bundle(self.number())),
            3 => Request::Reset {
                to_last_proven: self.once_in(2),
            },
            4 => Request::Reload,
            5 => Request::SetDelays(match self.below(2) {
                0 => Vec::new(),
                _ => vec![crate::store::ApplyCondition::Kill],
            }),
            6 => Request::MarkFailed(id(self.number())),
            _ => Request::CheckNow,
        }
    }

    /// The last load, said or not, or an earlier one.
    fn load(&mut self, world: &World) -> Option<LoadId> {
        let loads = &world.loads;
        match self.below(4) {
            0 | 1 => None,
            2 => loads.last().map(|load| load.id),
            _ => {
                let index = usize::try_from(self.below(loads.len().max(1) as u64)).expect("an index");
                loads.get(index).map(|load| load.id)
            }
        }
    }

    fn page(&mut self, world: &World, pages: &[PageId]) -> Option<PageId> {
        if self.once_in(4) && !pages.is_empty() {
            let index = usize::try_from(self.below(pages.len() as u64)).expect("an index");
            return Some(pages[index]);
        }
        world.policy.page()
    }
}

fn live(seed: u64) {
    let mut random = Random(seed);
    let mut world = World::new(random.options());
    let mut pages = Vec::new();
    let mut can_fail = false;
    for _ in 0..=random.below(LONGEST) {
        match random.below(24) {
            0 | 1 => world.event(HostEvent::ProcessStarted {
                native: NativeApp::new("1.0.0", "1"),
                native_is_new: random.once_in(2),
                in_background: random.once_in(4),
                not_before: random.once_in(4).then(|| Timestamp(1_900_000_000 + random.below(1000))),
            }),
            2..=4 => {
                world.event(HostEvent::PageStarted {
                    load: random.load(&world),
                });
                pages.extend(world.policy.page());
            }
            5..=7 => {
                if let Some(page) = random.page(&world, &pages) {
                    let call = random.once_in(2).then(|| world.new_call());
                    world.event(HostEvent::PageConfirmed { page, call });
                }
            }
            8 => {
                if let Some(page) = random.page(&world, &pages) {
                    world.event(HostEvent::PageCrashed(page));
                }
            }
            9 => {
                if let Some(page) = random.page(&world, &pages) {
                    world.event(HostEvent::PageTimedOut(page));
                }
            }
            10 | 11 => world.event(HostEvent::EnteredBackground),
            12 | 13 => world.event(HostEvent::EnteredForeground),
            14 => world.event(HostEvent::ConnectivityReturned),
            15..=17 => drop(world.call(random.request())),
            18 | 19 => world.end_update(random.ending()),
            20 => world.wait(Duration::from_secs(random.below(1200))),
            21 => {
                world.store.failing = u32::try_from(random.below(8)).expect("a small number");
                can_fail = true;
            }
            _ => {
                for _ in 0..random.below(5) {
                    world.deliver();
                }
            }
        }
    }
    // Everything that waits comes to an end.
    world.store.failing = 0;
    for _ in 0..20 {
        world.settle();
        world.end_update(Ending::UpToDate);
        world.wait(Duration::from_secs(60));
    }
    world.settle();
    let unanswered: Vec<_> = world
        .calls
        .iter()
        .filter(|call| !world.replies.contains_key(call))
        .collect();
    assert!(unanswered.is_empty(), "calls without a reply: {unanswered:?}");
    if let Some(shown) = world.policy.shown() {
        assert_eq!(
            Some(&shown.bundle),
            world.store.served.as_ref(),
            "shows another bundle than the store serves"
        );
        assert_eq!(shown.bundle, world.served(), "shows another bundle than it loaded last");
        let live = world.policy.live().map(|load| &load.bundle);
        let kept = world.store.under_preview.as_ref().or(world.store.served.as_ref());
        assert_eq!(live, kept, "forgets what a preview replaced");
        nothing_stays_forever(&world, can_fail);
        it_checks_again(&mut world);
    }
}

/// Twenty minutes after the last event.
fn nothing_stays_forever(world: &World, can_fail: bool) {
    let has_page = world.policy.page().is_some();
    if has_page && !world.in_background && !can_fail {
        let is_done = world.policy.page_is_ready() || world.store.served == Some(BundleRef::BuiltIn);
        match world.store.under_preview {
            Some(_) => assert!(is_done, "the page of a preview is neither ready nor times out"),
            None => assert!(!world.store.on_trial, "a page on trial neither confirms nor times out"),
        }
    }
    if world.policy.options().splash.is_some_and(|timeout| !timeout.is_zero()) && !world.in_background {
        assert_eq!(world.splash, Some(false), "the splash screen stays");
    }
}

/// Whatever a server said and whatever failed.
fn it_checks_again(world: &mut World) {
    world.background();
    world.foreground();
    world.wait(Duration::from_secs(24 * 3600));
    let checks = world.policy.options().mode.checks_automatically();
    assert_eq!(!world.updates.is_empty(), checks, "no check within a day of use");
}

#[test]
fn no_random_sequence_of_events_breaks_an_invariant() {
    let sequences =
        std::env::var("CAPBUNDLE_POLICY_SEQUENCES").map_or(SEQUENCES, |text| text.parse().expect("a number"));
    for seed in 0..sequences {
        let life = std::panic::catch_unwind(|| live(seed));
        if let Err(problem) = life {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(problem);
        }
    }
}
