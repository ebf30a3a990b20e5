//! Each mode, as the plugin documents it.

use super::world::{Ending, bundle};
use super::*;

fn running(mode: UpdateMode) -> World {
    World::running(PolicyOptions::new(mode))
}

#[test]
fn off_checks_for_nothing_and_says_so() {
    let mut world = running(UpdateMode::Off);
    world.background();
    world.foreground();
    assert!(world.updates.is_empty());
    let call = world.call(Request::CheckNow);
    assert_eq!(world.replies[&call], 1);
    assert!(world.updates.is_empty());
    let status = ReadyStatus::Disabled;
    assert!(world.said(&Announcement::AppReady {
        bundle: BundleRef::BuiltIn,
        status
    }));
}

#[test]
fn every_other_mode_checks_at_the_start_and_at_each_return_to_the_foreground() {
    for mode in [
        UpdateMode::AtBackground,
        UpdateMode::AtInstall,
        UpdateMode::OnLaunch,
        UpdateMode::Always,
        UpdateMode::OnlyDownload,
    ] {
        let mut world = running(mode);
        assert_eq!(world.updates.len(), 1, "{mode:?}");
        world.update(Ending::UpToDate);
        world.background();
        assert!(world.updates.is_empty(), "{mode:?}");
        world.foreground();
        assert_eq!(world.updates.len(), 1, "{mode:?}");
    }
}

#[test]
fn at_background_applies_when_the_app_goes_to_the_background() {
    let mut world = running(UpdateMode::AtBackground);
    world.update(Ending::Ready(1));
    assert_eq!(world.served(), BundleRef::BuiltIn);
    assert!(world.said(&Announcement::SetNext(bundle(1))));
    world.background();
    assert_eq!(world.served(), bundle(1));
    assert!(world.said(&Announcement::Set(bundle(1))));
}

#[test]
fn an_update_that_is_ready_in_the_background_is_applied_there() {
    for mode in [UpdateMode::AtBackground, UpdateMode::Always] {
        let mut world = running(mode);
        world.background();
        world.update(Ending::Ready(1));
        assert_eq!(world.served(), bundle(1), "{mode:?}");
    }
}

#[test]
fn always_applies_at_once() {
    let mut world = running(UpdateMode::Always);
    world.update(Ending::Ready(1));
    assert_eq!(world.served(), bundle(1));
    let page = world.page();
    world.confirm(page);
    world.background();
    world.foreground();
    world.update(Ending::Ready(2));
    assert_eq!(world.served(), bundle(2));
}

#[test]
fn on_launch_applies_at_once_after_a_cold_start_only() {
    let mut world = running(UpdateMode::OnLaunch);
    world.update(Ending::Ready(1));
    assert_eq!(world.served(), bundle(1));
    world.background();
    world.foreground();
    world.update(Ending::Ready(2));
    assert_eq!(world.served(), bundle(1), "the user is at work");
    world.background();
    assert_eq!(world.served(), bundle(2));
}

#[test]
fn on_launch_uses_its_chance_also_when_the_first_check_fails() {
    let mut world = running(UpdateMode::OnLaunch);
    world.update(Ending::Unreachable);
    world.background();
    world.foreground();
    world.update(Ending::Ready(1));
    assert_eq!(world.served(), BundleRef::BuiltIn);
}

#[test]
fn at_install_applies_at_once_after_an_installation_only() {
    let mut world = World::new(PolicyOptions::new(UpdateMode::AtInstall));
    world.start_as(true, false);
    let page = world.page();
    world.confirm(page);
    world.update(Ending::Ready(1));
    assert_eq!(world.served(), bundle(1));
    world.background();
    world.foreground();
    world.update(Ending::Ready(2));
    assert_eq!(world.served(), bundle(1));

    let mut later = running(UpdateMode::AtInstall);
    later.update(Ending::Ready(1));
    assert_eq!(later.served(), BundleRef::BuiltIn);
}

#[test]
fn at_install_waits_for_the_first_answer_of_the_server() {
    let mut world = World::new(PolicyOptions::new(UpdateMode::AtInstall));
    world.start_as(true, false);
    world.update(Ending::Unreachable);
    assert!(!world.store.has_answer, "the next process asks as the first");
    world.event(HostEvent::ConnectivityReturned);
    world.update(Ending::Ready(1));
    assert_eq!(world.served(), bundle(1));
    assert!(world.store.has_answer);
}

#[test]
fn only_download_makes_nothing_next_by_itself() {
    let mut world = running(UpdateMode::OnlyDownload);
    world.update(Ending::Ready(1));
    world.background();
    assert_eq!(world.served(), BundleRef::BuiltIn);
    assert!(world.said(&Announcement::UpdateAvailable(bundle(1))));
    assert!(!world.said(&Announcement::SetNext(bundle(1))));
    world.foreground();
    world.update(Ending::UpToDate);
    world.call(Request::Next(bundle(1)));
    world.settle();
    world.background();
    assert_eq!(world.served(), bundle(1), "the app made it next");
}

#[test]
fn a_direct_update_waits_for_the_conditions_and_is_not_lost() {
    let mut world = running(UpdateMode::Always);
    world.call(Request::SetDelays(vec![crate::store::ApplyCondition::Kill]));
    world.settle();
    world.update(Ending::Ready(1));
    assert_eq!(world.served(), BundleRef::BuiltIn);
    assert!(world.said(&Announcement::SetNext(bundle(1))));
    world.call(Request::SetDelays(Vec::new()));
    world.settle();
    world.background();
    assert_eq!(world.served(), bundle(1));
}

#[test]
fn a_server_that_says_built_in_resets_at_the_moment_of_the_mode() {
    let mut direct = running(UpdateMode::Always);
    direct.update(Ending::Ready(1));
    let page = direct.page();
    direct.confirm(page);
    direct.background();
    direct.foreground();
    direct.update(Ending::BuiltIn);
    assert_eq!(direct.served(), BundleRef::BuiltIn);

    let mut later = running(UpdateMode::AtBackground);
    later.update(Ending::Ready(1));
    later.background();
    let page = later.page();
    later.confirm(page);
    later.foreground();
    later.update(Ending::BuiltIn);
    assert_eq!(later.served(), bundle(1));
    later.background();
    assert_eq!(later.served(), BundleRef::BuiltIn);
}

#[test]
fn a_server_that_says_built_in_does_not_override_the_conditions() {
    let mut world = running(UpdateMode::Always);
    world.update(Ending::Ready(1));
    let page = world.page();
    world.confirm(page);
    world.call(Request::SetDelays(vec![crate::store::ApplyCondition::Kill]));
    world.settle();
    world.background();
    world.foreground();
    world.update(Ending::BuiltIn);
    assert_eq!(world.served(), bundle(1));
    assert!(world.said(&Announcement::SetNext(BundleRef::BuiltIn)));
}

#[test]
fn the_splash_screen_stays_until_the_update_shows_its_page() {
    let options = PolicyOptions::new(UpdateMode::Always).with_splash(Some(Duration::from_secs(10)));
    let mut world = World::new(options);
    world.start();
    let page = world.page();
    world.confirm(page);
    assert_eq!(world.splash, None, "the update runs");
    world.update(Ending::Ready(1));
    assert_eq!(world.splash, None);
    let page = world.page();
    world.confirm(page);
    assert_eq!(world.splash, Some(false));
    world.background();
    assert_eq!(world.splash, Some(true));
    world.foreground();
    world.update(Ending::UpToDate);
    assert_eq!(world.splash, Some(false));
}

#[test]
fn the_splash_screen_of_a_return_to_the_app_also_ends_in_time() {
    let options = PolicyOptions::new(UpdateMode::Always).with_splash(Some(Duration::from_secs(10)));
    let mut world = World::running(options);
    world.update(Ending::UpToDate);
    world.background();
    world.wait(Duration::from_secs(60));
    assert_eq!(world.splash, Some(true), "the task switcher shows it");
    world.foreground();
    world.wait(Duration::from_secs(9));
    assert_eq!(world.splash, Some(true));
    world.wait(Duration::from_secs(1));
    assert_eq!(world.splash, Some(false), "the server is slow");
    world.update(Ending::Ready(1));
    assert_eq!(world.served(), BundleRef::BuiltIn, "the user is at work");
}

#[test]
fn an_update_that_comes_after_the_splash_screen_comes_next() {
    let options = PolicyOptions::new(UpdateMode::Always).with_splash(Some(Duration::from_secs(10)));
    let mut world = World::running(options);
    world.wait(Duration::from_secs(11));
    assert_eq!(world.splash, Some(false));
    world.update(Ending::Ready(1));
    assert_eq!(world.served(), BundleRef::BuiltIn);
    assert!(world.said(&Announcement::SetNext(bundle(1))));
}

#[test]
fn the_splash_screen_of_a_mode_that_never_applies_at_once_goes_with_the_first_page() {
    let options = PolicyOptions::new(UpdateMode::Off).with_splash(Some(Duration::ZERO));
    let world = World::running(options);
    assert_eq!(world.splash, Some(false));
}

#[test]
fn the_period_runs_while_the_app_is_visible() {
    let period = CheckPeriod::from_seconds(600);
    let mut world = World::running(PolicyOptions::new(UpdateMode::AtBackground).with_period(period));
    world.update(Ending::UpToDate);
    world.wait(Duration::from_secs(599));
    assert!(world.updates.is_empty());
    world.wait(Duration::from_secs(1));
    assert_eq!(world.updates.len(), 1);
    world.update(Ending::UpToDate);
    world.background();
    world.wait(Duration::from_secs(6000));
    assert!(world.updates.is_empty());
}

#[test]
fn a_period_below_ten_minutes_is_ten_minutes() {
    let period = CheckPeriod::from_seconds(1);
    let mut world = World::running(PolicyOptions::new(UpdateMode::AtBackground).with_period(period));
    world.update(Ending::UpToDate);
    world.wait(Duration::from_secs(599));
    assert!(world.updates.is_empty());
    world.wait(Duration::from_secs(1));
    assert_eq!(world.updates.len(), 1);
}

#[test]
fn what_is_next_already_is_not_announced_again() {
    let mut world = running(UpdateMode::AtBackground);
    world.update(Ending::Ready(1));
    world.announced.clear();
    world.call(Request::CheckNow);
    world.update(Ending::NextAlready);
    assert_eq!(
        world.announced,
        [
            Announcement::NoNeedUpdate(BundleRef::BuiltIn),
            Announcement::AppReady {
                bundle: BundleRef::BuiltIn,
                status: ReadyStatus::Next
            },
        ]
    );
    world.background();
    assert_eq!(world.served(), bundle(1));
}

#[test]
fn what_is_next_already_is_applied_at_once_where_the_mode_allows_it() {
    let mut world = running(UpdateMode::Always);
    world.call(Request::SetDelays(vec![crate::store::ApplyCondition::Kill]));
    world.settle();
    world.update(Ending::Ready(1));
    world.announced.clear();
    world.call(Request::CheckNow);
    world.update(Ending::NextAlready);
    assert!(!world.said(&Announcement::SetNext(bundle(1))), "{:?}", world.announced);
    world.call(Request::SetDelays(Vec::new()));
    world.settle();
    world.call(Request::CheckNow);
    world.update(Ending::NextAlready);
    assert_eq!(world.served(), bundle(1));
}
