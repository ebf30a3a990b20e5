//! What is installed, with a signed release or without one.

use super::*;

/// As many as [`RELEASES`] has. Of so many archives one comes with a release, and of so many of these one is not the newest.
const KINDS: u8 = 6;
const WITHOUT: u8 = 3;
const NEWEST_FOR_ONE_OLD: u8 = 4;

impl Simulation {
    pub(super) fn install(&mut self, number: u8) -> Result<(), String> {
        let (of_all, rest) = (number % KINDS, number / KINDS);
        let published = &RELEASES[usize::from(of_all)];
        let digest = published.digest();
        if is_built_in(published.sequence, self.built_in_sequence)
            || self.state.failure_of(published.version, digest.as_ref()).is_some()
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

    /// A release with the next sequence, or an old one, of a bundle that is there or comes with it.
    fn accept(&mut self, of_all: u8, is_old: bool, installed: Option<BundleRecord>) -> Result<(), String> {
        self.published += 1;
        let sequence = if is_old { self.published / 2 } else { self.published };
        let release = AcceptedRelease {
            app_id: "com.example.app".parse().unwrap(),
            channel: "production".parse().unwrap(),
            sequence,
            payload_sha256: Sha256Digest::of(format!("{of_all} as {sequence}").as_bytes()),
            created_at: self.now,
        };
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
        let is_replay = match self.seen.accepted {
            Some((last, payload)) => sequence < last || sequence == last && payload != release.payload_sha256,
            None => false,
        };
        if self.state.accept(record, &release).is_err() {
            ensure!(is_replay, "{release:?} was refused after {:?}", self.seen.accepted);
            ensure!(self.state == before, "a refused release changed the state");
            self.reached.insert("replay refused".to_owned());
            return Ok(());
        }
        ensure!(!is_replay, "{release:?} was accepted after {:?}", self.seen.accepted);
        self.reached.insert("accepted".to_owned());
        self.seen.accepted = Some((sequence, release.payload_sha256));
        self.seen.latest_time = self.seen.latest_time.max(release.created_at);
        Ok(())
    }

    /// Whatever happened, the memory is what was accepted.
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
