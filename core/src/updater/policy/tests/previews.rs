//! A preview is shown for the rest of the session, and changes nothing that outlives it.

use super::world::{Ending, bundle, id};
use super::*;

const MODES: [UpdateMode; 6] = [
    UpdateMode::Off,
    UpdateMode::AtBackground,
    UpdateMode::AtInstall,
    UpdateMode::OnLaunch,
    UpdateMode::Always,
    UpdateMode::OnlyDownload,
];

fn start(world: &mut World, number: u8) {
    world.call(Request::StartPreview(bundle(number)));
    world.settle();
}

/// A preview of bundle 9 over bundle 1, which confirmed.
fn previewing(mode: UpdateMode) -> World {
    let mut world = World::running(PolicyOptions::new(mode).with_preview(true));
    world.call(Request::Set(bundle(1)));
    world.settle();
    let page = world.page();
    world.confirm(page);
    start(&mut world, 9);
    assert_eq!(world.served(), bundle(9));
    world
}

#[test]
fn a_preview_needs_the_permission_of_the_host() {
    let mut world = World::running(PolicyOptions::new(UpdateMode::Off));
    for request in [Request::StartPreview(bundle(9)), Request::LeavePreview] {
        let call = world.call(request);
        assert_eq!(world.replies[&call], 1);
        assert!(world.operations.is_empty());
    }
    assert_eq!(world.served(), BundleRef::BuiltIn);
}

#[test]
fn in_each_mode_an_update_during_a_preview_is_not_applied_and_follows_after_it() {
    for mode in MODES {
        let mut world = previewing(mode);
        let page = world.page();
        world.confirm(page);
        world.update(Ending::Ready(2));
        world.background();
        world.foreground();
        world.update(Ending::Ready(2));
        assert_eq!(world.served(), bundle(9), "{mode:?}");
        assert_eq!(world.store.current, bundle(1), "{mode:?}");
        let next = (mode.checks_automatically() && mode.sets_next()).then(|| bundle(2));
        assert_eq!(world.store.next, next, "{mode:?}");
        assert_eq!(world.store.fallback, bundle(1), "{mode:?}");

        world.call(Request::LeavePreview);
        world.settle();
        assert_eq!(world.served(), bundle(1), "{mode:?}");
        world.background();
        assert_eq!(world.served(), next.unwrap_or_else(|| bundle(1)), "{mode:?}");
    }
}

#[test]
fn the_offer_of_the_previewed_bundle_is_an_update() {
    let mut world = previewing(UpdateMode::AtBackground);
    world.update(Ending::Ready(9));
    assert_eq!(world.store.next, Some(bundle(9)));
}

#[test]
fn the_page_of_a_preview_confirms_nothing_and_is_not_reported() {
    let mut world = previewing(UpdateMode::Off);
    world.reports.clear();
    let page = world.page();
    let call = world.new_call();
    world.event(HostEvent::PageConfirmed { page, call: Some(call) });
    assert!(world.operations.is_empty());
    assert_eq!(world.replies[&call], 1);
    world.wait(Duration::from_secs(60));
    assert_eq!(world.served(), bundle(9));
    assert_eq!(world.reports, []);
    assert_eq!(world.store.fallback, bundle(1));
}

#[test]
fn a_preview_that_crashes_or_is_not_ready_in_time_is_left() {
    for confirms in [false, true] {
        let mut world = previewing(UpdateMode::Off);
        world.reports.clear();
        let page = world.page();
        if confirms {
            world.confirm(page);
            world.event(HostEvent::PageCrashed(page));
        } else {
            world.wait(Duration::from_secs(11));
        }
        world.settle();
        assert_eq!(world.served(), bundle(1));
        assert!(!world.policy.is_previewing());
        assert_eq!(world.reports, []);
        assert!(!world.said(&Announcement::UpdateFailed(id(9))));
    }
}

#[test]
fn set_and_reset_leave_the_preview_and_reload_shows_it_again() {
    let mut world = previewing(UpdateMode::Off);
    world.call(Request::Next(bundle(2)));
    world.call(Request::Reload);
    world.settle();
    assert_eq!(world.served(), bundle(9));
    assert!(world.policy.is_previewing());

    world.call(Request::Set(bundle(3)));
    world.settle();
    assert_eq!((world.served(), world.policy.is_previewing()), (bundle(3), false));

    start(&mut world, 9);
    world.call(Request::Reset { to_last_proven: false });
    world.settle();
    assert_eq!(
        (world.served(), world.policy.is_previewing()),
        (BundleRef::BuiltIn, false)
    );
}

#[test]
fn a_second_preview_replaces_the_first_and_ends_where_that_would() {
    let mut world = previewing(UpdateMode::Off);
    start(&mut world, 8);
    assert_eq!(world.served(), bundle(8));
    assert_eq!(world.policy.live().map(|load| load.bundle.clone()), Some(bundle(1)));
    // The activity is recreated: still the same process.
    world.start();
    assert_eq!(world.served(), bundle(8));
    let call = world.call(Request::LeavePreview);
    world.settle();
    assert_eq!((world.served(), world.replies[&call]), (bundle(1), 1));
}
