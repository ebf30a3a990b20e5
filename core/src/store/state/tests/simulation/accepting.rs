//! Installations, with a signed release or without one.

use super::*;

/// The size of [`RELEASES`]. One in this many archives comes with a release, and one in this many of these is not the
/// newest.
const KINDS: u8 = 6;
const WITHOUT: u8 = 3;
const NEWEST_FOR_ONE_OLD: u8 = 4;

impl Simulation {
    pub(super) fn install(&mut self, number: u8) -> Result<(), String> {
        let (of_all, rest) = (number % KINDS, number / KINDS);
        let published = &RELEASES[usize::from(of_all)];
        let digest = published.digest();
        if is_built_in(published.sequence, self.built_in_sequence)
            || self
                .state
                .failure_of(Identity::by_either(published.version, digest.as_ref()))
                .is_some()
        {
            return Ok(());
        }
        let is_there =
            |record: &&BundleRecord| digest.is_some() && record.digest == digest && self.on_disk.contains(&record.id);
        let installed = self.state.bundles.values().find(is_there).cloned();
        if rest.is_multiple_of(WITHOUT) {
            return self.accept(of_all, (rest / WITHOUT).is_multiple_of(NEWEST_FOR_ONE_OLD), installed);
        }
        if installed.is_none() {
            let record = self.unpacked(of_all);
            self.state.add(record);
        }
        Ok(())
    }

    fn unpacked(&mut self, of_all: u8) -> BundleRecord {
        self.names += 1;
        let id: BundleId = format!("{:010}", self.names).parse().unwrap();
        self.on_disk.insert(id.clone());
        RELEASES[usize::from(of_all)].record(id, self.now)
    }

    /// A release with the next sequence or an old one, of a bundle that is installed or comes with it.
    fn accept(&mut self, of_all: u8, is_old: bool, installed: Option<BundleRecord>) -> Result<(), String> {
        let release = self.publish(&of_all.to_string(), is_old);
        let sequence = release.sequence;
        if is_built_in(Some(sequence), self.built_in_sequence) {
            return Ok(());
        }
        let record = installed.unwrap_or_else(|| self.unpacked(of_all));
        let record = BundleRecord {
            sequence: Some(sequence),
            release: Some(release.clone()),
            ..record
        };
        let before = self.state.clone();
        let is_replay = self.is_replay(&release);
        if self.state.accept(record, &release).is_err() {
            ensure!(is_replay, "{release:?} was refused after {:?}", self.seen.accepted);
            ensure!(self.state == before, "a refused release changed the state");
            self.reached.insert("replay refused".to_owned());
            return Ok(());
        }
        ensure!(!is_replay, "{release:?} was accepted after {:?}", self.seen.accepted);
        self.reached.insert("accepted".to_owned());
        self.see_accepted(&release);
        Ok(())
    }

    /// A release of the bundle with this name, with the next sequence or an old one.
    fn publish(&mut self, what: &str, is_old: bool) -> AcceptedRelease {
        self.published += 1;
        let sequence = if is_old { self.published / 2 } else { self.published };
        AcceptedRelease {
            app_id: "com.example.app".parse().unwrap(),
            channel: "production".parse().unwrap(),
            sequence,
            payload_sha256: Sha256Digest::of(format!("{what} as {sequence}").as_bytes()),
            created_at: self.now,
        }
    }

    fn is_replay(&self, release: &AcceptedRelease) -> bool {
        let AcceptedRelease { sequence, .. } = *release;
        match self.seen.accepted {
            Some((last, payload)) => sequence < last || sequence == last && payload != release.payload_sha256,
            None => false,
        }
    }

    fn see_accepted(&mut self, release: &AcceptedRelease) {
        self.seen.accepted = Some((release.sequence, release.payload_sha256));
        self.seen.latest_time = self.seen.latest_time.max(release.created_at);
    }

    /// A release that selects the built-in bundle, with the next sequence or an old one.
    pub(super) fn accept_built_in(&mut self, number: u8) -> Result<(), String> {
        let release = self.publish("built-in", number.is_multiple_of(NEWEST_FOR_ONE_OLD));
        let before = self.state.clone();
        let is_replay = self.is_replay(&release);
        let Ok(comes_next) = self.state.accept_built_in(&release) else {
            ensure!(is_replay, "{release:?} was refused after {:?}", self.seen.accepted);
            ensure!(self.state == before, "a refused release changed the state");
            self.reached.insert("built-in replay refused".to_owned());
            return Ok(());
        };
        ensure!(!is_replay, "{release:?} was accepted after {:?}", self.seen.accepted);
        self.see_accepted(&release);
        let StoreState { current, next, .. } = &self.state;
        ensure!(
            (&before.current, &before.trial) == (current, &self.state.trial),
            "accepting {release:?} changed the served bundle"
        );
        match current {
            BundleRef::BuiltIn => {
                self.reached.insert("built-in accepted where it was".to_owned());
                let stays = next.as_ref().is_none_or(|next| *next == BundleRef::BuiltIn);
                ensure!(stays && !comes_next, "{next:?} comes next after {release:?}");
                ensure!(
                    self.state.fallback == BundleRef::BuiltIn || before.next == Some(BundleRef::BuiltIn),
                    "a withdrawn bundle is the fallback"
                );
            }
            BundleRef::Bundle(_) => {
                self.reached.insert("built-in accepted".to_owned());
                ensure!(
                    *next == Some(BundleRef::BuiltIn),
                    "{next:?} comes next after {release:?}"
                );
                ensure!(
                    comes_next == (before.next != Some(BundleRef::BuiltIn)),
                    "it comes next since {release:?}: {comes_next}, before: {:?}",
                    before.next
                );
                if before.next.as_ref().and_then(BundleRef::bundle).is_some() {
                    self.reached
                        .insert("built-in accepted in place of the next bundle".to_owned());
                    ensure!(
                        self.state.delays.are_met(),
                        "conditions of another bundle hold the way back: {:?}",
                        self.state.delays
                    );
                }
            }
        }
        Ok(())
    }

    /// The rollback guard always equals the accepted releases.
    pub(super) fn check_memory(&self) -> Result<(), String> {
        let memory = &self.state.trust;
        let app = "com.example.app".parse().unwrap();
        let last = memory.last_accepted(&app, &"production".parse().unwrap());
        let last = last.map(|last| (last.sequence, last.payload_digest));
        ensure!(
            last == self.seen.accepted,
            "5: {last:?} is remembered, and {:?} was accepted",
            self.seen.accepted
        );
        let latest = memory.latest_time();
        ensure!(
            latest == self.seen.latest_time,
            "5: {latest:?} is the latest time, and {:?} was stated",
            self.seen.latest_time
        );
        Ok(())
    }
}
