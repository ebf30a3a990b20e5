//! Lives of an app: its pages, its calls and its server.

use super::world::{Ending, bundle, id};
use super::*;

fn at_background() -> World {
    World::running(PolicyOptions::new(UpdateMode::AtBackground))
}

/// A device that goes on trial with bundle 1.
fn on_trial() -> World {
    let mut world = at_background();
    world.update(Ending::Ready(1));
    world.background();
    world.foreground();
    world.update(Ending::UpToDate);
    world
}

#[test]
fn nothing_is_loaded_before_the_launch_decision_is_durable() {
    let mut world = World::new(PolicyOptions::new(UpdateMode::AtBackground));
    world.event(HostEvent::ProcessStarted {
        native: NativeApp::new("1.0.0", "1"),
        native_is_new: false,
        in_background: false,
        not_before: None,
    });
    assert!(world.loads.is_empty());
    world.deliver();
    assert_eq!(world.served(), BundleRef::BuiltIn);
}

#[test]
fn a_recreated_activity_loads_the_same_and_decides_nothing() {
    let mut world = on_trial();
    let loads = world.loads.len();
    world.start();
    assert_eq!(world.loads.len(), loads + 1);
    assert_eq!(world.served(), bundle(1));
    assert!(world.operations.is_empty());
}

#[test]
fn a_page_that_does_not_confirm_in_time_is_replaced_by_the_last_that_did() {
    let mut world = on_trial();
    world.page();
    world.wait(Duration::from_secs(10));
    world.settle();
    assert_eq!(world.served(), BundleRef::BuiltIn);
    assert!(world.reports.contains(&ReportAction::AppLaunchTimeout));
}

#[test]
fn a_page_that_crashes_on_trial_is_replaced_at_once() {
    let mut world = on_trial();
    let page = world.page();
    world.event(HostEvent::PageCrashed(page));
    world.settle();
    assert_eq!(world.served(), BundleRef::BuiltIn);
}

#[test]
fn a_page_that_crashes_after_it_confirmed_is_loaded_again() {
    let mut world = on_trial();
    let page = world.page();
    world.confirm(page);
    let loads = world.loads.len();
    world.event(HostEvent::PageCrashed(page));
    world.settle();
    assert_eq!(world.loads.len(), loads + 1);
    assert_eq!(world.served(), bundle(1));
}

#[test]
fn a_late_confirmation_of_the_page_before_proves_nothing() {
    let mut world = at_background();
    let old = world.page();
    world.update(Ending::Ready(1));
    world.background();
    world.confirm(old);
    world.foreground();
    let new = world.page();
    world.confirm(old);
    assert!(world.store.on_trial);
    world.confirm(new);
    assert!(!world.store.on_trial);
}

#[test]
fn the_time_to_confirm_stops_in_the_background_and_starts_again_in_the_foreground() {
    let mut world = on_trial();
    world.page();
    world.wait(Duration::from_secs(9));
    world.background();
    world.wait(Duration::from_secs(3600));
    assert_eq!(world.served(), bundle(1));
    world.foreground();
    world.wait(Duration::from_secs(9));
    assert_eq!(world.served(), bundle(1));
    world.wait(Duration::from_secs(1));
    world.settle();
    assert_eq!(world.served(), BundleRef::BuiltIn);
}

#[test]
fn a_confirmation_that_cannot_be_recorded_is_tried_again_and_does_not_time_out() {
    let mut world = on_trial();
    let page = world.page();
    world.store.failing = 3;
    let call = world.new_call();
    world.event(HostEvent::PageConfirmed { page, call: Some(call) });
    for _ in 0..60 {
        world.settle();
        world.wait(Duration::from_millis(500));
    }
    assert!(!world.store.on_trial);
    assert_eq!(world.served(), bundle(1));
    assert_eq!(world.replies[&call], 1);
}

#[test]
fn a_confirmation_that_can_never_be_recorded_tells_the_caller() {
    let mut world = on_trial();
    let page = world.page();
    world.store.failing = 1000;
    let call = world.new_call();
    world.event(HostEvent::PageConfirmed { page, call: Some(call) });
    for _ in 0..60 {
        world.settle();
        world.wait(Duration::from_millis(500));
    }
    assert_eq!(world.replies[&call], 1);
    world.store.failing = 0;
    world.confirm(page);
    assert!(!world.store.on_trial, "it may call again");
}

#[test]
fn a_check_during_another_one_starts_no_second() {
    let mut world = at_background();
    let call = world.call(Request::CheckNow);
    assert_eq!(world.updates.len(), 1);
    assert_eq!(world.replies[&call], 1);
    world.background();
    world.foreground();
    assert_eq!(world.updates.len(), 1);
}

#[test]
fn a_server_that_asks_to_wait_is_left_alone_for_that_long() {
    let mut world = at_background();
    world.update(Ending::Limited(Some(3600)));
    assert!(world.reports.contains(&ReportAction::RateLimitReached));
    world.background();
    world.foreground();
    world.call(Request::CheckNow);
    assert!(world.updates.is_empty());
    world.wait(Duration::from_secs(3600));
    assert_eq!(world.updates.len(), 1);
}

#[test]
fn the_wait_of_an_earlier_process_holds_and_never_longer_than_a_day() {
    let started = |seconds| {
        let mut world = World::new(PolicyOptions::new(UpdateMode::AtBackground));
        let not_before = Some(Timestamp(world.now.wall.0 + seconds));
        world.event(HostEvent::ProcessStarted {
            native: NativeApp::new("1.0.0", "1"),
            native_is_new: false,
            in_background: false,
            not_before,
        });
        world.settle();
        world
    };
    let mut world = started(60);
    assert!(world.updates.is_empty());
    world.wait(Duration::from_secs(60));
    assert_eq!(world.updates.len(), 1);
    assert_eq!(started(1_000_000).updates.len(), 1, "the clock was set back");
}

#[test]
fn a_failed_update_is_tried_again_with_growing_waits() {
    let mut world = at_background();
    for wait in [60, 300, 1800, 1800] {
        world.update(Ending::Unreachable);
        world.wait(Duration::from_secs(wait - 1));
        assert!(world.updates.is_empty(), "{wait}");
        world.wait(Duration::from_secs(1));
        assert_eq!(world.updates.len(), 1, "{wait}");
    }
    world.update(Ending::Unreachable);
    world.event(HostEvent::ConnectivityReturned);
    assert_eq!(world.updates.len(), 1, "the network is back");
}

#[test]
fn an_update_that_can_never_be_installed_is_not_tried_again_by_itself() {
    let mut world = at_background();
    world.update(Ending::Failed { is_final: true });
    world.wait(Duration::from_secs(100_000));
    assert!(world.updates.is_empty());
    assert!(world.said(&Announcement::DownloadFailed(Some("2.0.0".to_owned()))));
}

#[test]
fn app_ready_comes_when_the_check_has_ended_and_the_page_has_confirmed() {
    let status = ReadyStatus::UpToDate;
    let ready = Announcement::AppReady {
        bundle: BundleRef::BuiltIn,
        status,
    };
    let mut check_first = World::new(PolicyOptions::new(UpdateMode::AtBackground));
    check_first.start();
    let page = check_first.page();
    check_first.update(Ending::UpToDate);
    assert!(!check_first.said(&ready));
    check_first.confirm(page);
    assert!(check_first.said(&ready));

    let mut page_first = at_background();
    assert!(!page_first.said(&ready));
    page_first.update(Ending::UpToDate);
    assert!(page_first.said(&ready));
}

#[test]
fn a_bundle_is_marked_as_failed_by_javascript_only_if_the_app_allows_it() {
    let mut world = at_background();
    world.call(Request::MarkFailed(id(1)));
    assert!(world.operations.is_empty());
    let options = PolicyOptions::new(UpdateMode::AtBackground).with_bundle_error(true);
    let mut world = World::running(options);
    world.call(Request::MarkFailed(id(1)));
    world.settle();
    assert!(world.said(&Announcement::UpdateFailed(id(1))));
}

#[test]
fn set_and_reload_and_reset_load_at_once() {
    let mut world = at_background();
    world.call(Request::Set(bundle(1)));
    world.settle();
    assert_eq!(world.served(), bundle(1));
    world.call(Request::Next(bundle(2)));
    world.call(Request::Reload);
    world.settle();
    assert_eq!(world.served(), bundle(2));
    let loads = world.loads.len();
    world.call(Request::Reload);
    world.settle();
    assert_eq!(world.loads.len(), loads + 1);
    world.call(Request::Reset { to_last_proven: false });
    world.settle();
    assert_eq!(world.served(), BundleRef::BuiltIn);
}

#[test]
fn a_call_before_the_start_says_what_is_missing() {
    let mut world = World::new(PolicyOptions::new(UpdateMode::AtBackground));
    let call = world.call(Request::CheckNow);
    assert_eq!(world.replies[&call], 1);
    assert!(world.updates.is_empty());
}

#[test]
fn an_app_that_starts_in_the_background_says_so_before_the_launch() {
    let mut world = World::new(PolicyOptions::new(UpdateMode::AtBackground));
    world.event(HostEvent::ProcessStarted {
        native: NativeApp::new("1.0.0", "1"),
        native_is_new: false,
        in_background: true,
        not_before: None,
    });
    let operations: Vec<_> = world.operations.iter().map(|(_, operation)| operation).collect();
    assert!(matches!(
        operations[..],
        [StoreOperation::EnterBackground, StoreOperation::Launch(_)]
    ));
    world.settle();
    assert!(world.updates.is_empty());
    world.foreground();
    assert_eq!(world.updates.len(), 1);
}
