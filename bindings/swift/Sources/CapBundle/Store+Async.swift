// Async forms of the blocking calls, documented at the call whose name ends with `Blocking`. The two must not share a
// name: in the top-level code of a script `await` would select the blocking one.

extension Store {
    /// As ``clearNextBlocking()``, without blocking the caller.
    public func clearNext() async throws {
        try await blocking { try self.clearNextBlocking() }
    }

    /// As ``deleteBlocking(id:)``, without blocking the caller.
    public func delete(id: String) async throws {
        try await blocking { try self.deleteBlocking(id: id) }
    }

    /// As ``enteredBackgroundBlocking()``, without blocking the caller.
    public func enteredBackground() async throws {
        try await blocking { try self.enteredBackgroundBlocking() }
    }

    /// As ``enteredForegroundBlocking(native:)``, without blocking the caller.
    public func enteredForeground(native: NativeApp) async throws {
        try await blocking { try self.enteredForegroundBlocking(native: native) }
    }

    /// As ``forgetFailureBlocking(version:)``, without blocking the caller.
    public func forgetFailure(version: String) async throws -> Int64 {
        try await blocking { try self.forgetFailureBlocking(version: version) }
    }

    /// As ``markFailedBlocking(id:)``, without blocking the caller.
    public func markFailed(id: String) async throws {
        try await blocking { try self.markFailedBlocking(id: id) }
    }

    /// As ``setDelaysBlocking(conditions:)``, without blocking the caller.
    public func setDelays(conditions: [ApplyCondition]) async throws {
        try await blocking { try self.setDelaysBlocking(conditions: conditions) }
    }

    /// As ``setNextBlocking(bundle:)``, without blocking the caller.
    public func setNext(bundle: BundleRef) async throws {
        try await blocking { try self.setNextBlocking(bundle: bundle) }
    }

    /// As ``setNextWhenBlocking(bundle:conditions:)``, without blocking the caller.
    public func setNextWhen(bundle: BundleRef, conditions: [ApplyCondition]) async throws {
        try await blocking { try self.setNextWhenBlocking(bundle: bundle, conditions: conditions) }
    }

    /// As ``takeFailureBlocking()``, without blocking the caller.
    public func takeFailure() async throws -> FailedBundle? {
        try await blocking { try self.takeFailureBlocking() }
    }

    /// As ``diskUsageBlocking()``, without blocking the caller.
    public func diskUsage() async throws -> DiskUsage {
        try await blocking { try self.diskUsageBlocking() }
    }

    /// As ``applyNextBlocking(native:)``, without blocking the caller.
    public func applyNext(native: NativeApp) async throws -> Launch? {
        try await blocking { try self.applyNextBlocking(native: native) }
    }

    /// As ``launchBlocking(native:)``, without blocking the caller.
    public func launch(native: NativeApp) async throws -> Launch {
        try await blocking { try self.launchBlocking(native: native) }
    }

    /// As ``resetBlocking(toLastProven:)``, without blocking the caller.
    public func reset(toLastProven: Bool) async throws -> Launch {
        try await blocking { try self.resetBlocking(toLastProven: toLastProven) }
    }

    /// As ``servedBlocking()``, without blocking the caller.
    public func served() async throws -> Launch? {
        try await blocking { try self.servedBlocking() }
    }

    /// As ``setCurrentBlocking(bundle:)``, without blocking the caller.
    public func setCurrent(bundle: BundleRef) async throws -> Launch {
        try await blocking { try self.setCurrentBlocking(bundle: bundle) }
    }

    /// As ``currentBlocking()``, without blocking the caller.
    public func current() async throws -> BundleRef {
        try await blocking { try self.currentBlocking() }
    }

    /// As ``delaysBlocking()``, without blocking the caller.
    public func delays() async throws -> [ApplyCondition] {
        try await blocking { try self.delaysBlocking() }
    }

    /// As ``failedBlocking()``, without blocking the caller.
    public func failed() async throws -> [FailedBundle] {
        try await blocking { try self.failedBlocking() }
    }

    /// As ``failureOfBlocking(version:digest:)``, without blocking the caller.
    public func failureOf(version: String, digest: String? = nil) async throws -> FailedBundle? {
        try await blocking { try self.failureOfBlocking(version: version, digest: digest) }
    }

    /// As ``setAsideUntilBlocking(version:digest:)``, without blocking the caller.
    public func setAsideUntil(version: String, digest: String? = nil) async throws -> Int64? {
        try await blocking { try self.setAsideUntilBlocking(version: version, digest: digest) }
    }

    /// As ``fallbackBlocking()``, without blocking the caller.
    public func fallback() async throws -> BundleRef {
        try await blocking { try self.fallbackBlocking() }
    }

    /// As ``findBlocking(digest:)``, without blocking the caller.
    public func find(digest: String) async throws -> BundleRecord? {
        try await blocking { try self.findBlocking(digest: digest) }
    }

    /// As ``getBlocking(id:)``, without blocking the caller.
    public func get(id: String) async throws -> BundleRecord {
        try await blocking { try self.getBlocking(id: id) }
    }

    /// As ``listBlocking()``, without blocking the caller.
    public func list() async throws -> [InstalledBundle] {
        try await blocking { try self.listBlocking() }
    }

    /// As ``nextBlocking()``, without blocking the caller.
    public func next() async throws -> BundleRef? {
        try await blocking { try self.nextBlocking() }
    }

    /// As ``confirmBlocking(bundle:)``, without blocking the caller.
    public func confirm(bundle: BundleRef) async throws -> Confirmation {
        try await blocking { try self.confirmBlocking(bundle: bundle) }
    }

    /// As ``trialExpiredBlocking(id:)``, without blocking the caller.
    public func trialExpired(id: String) async throws -> Launch? {
        try await blocking { try self.trialExpiredBlocking(id: id) }
    }

    /// As ``trialStartedBlocking(id:)``, without blocking the caller.
    public func trialStarted(id: String) async throws -> Bool {
        try await blocking { try self.trialStartedBlocking(id: id) }
    }

    /// As ``trialSuspendedBlocking(id:)``, without blocking the caller.
    public func trialSuspended(id: String) async throws -> Bool {
        try await blocking { try self.trialSuspendedBlocking(id: id) }
    }
}
