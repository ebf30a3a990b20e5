// Forms of the store's calls for code that runs in tasks. They do what those of the same name do that block; see there. A task
// gets these when it writes `await`, and cannot call the others by accident: the compiler asks for it.

extension Store {
    /// As ``clearNext()``, without blocking the caller.
    public func clearNext() async throws {
        try await blocking { try self.clearNext() }
    }

    /// As ``delete(id:)``, without blocking the caller.
    public func delete(id: String) async throws {
        try await blocking { try self.delete(id: id) }
    }

    /// As ``enteredBackground()``, without blocking the caller.
    public func enteredBackground() async throws {
        try await blocking { try self.enteredBackground() }
    }

    /// As ``enteredForeground(native:)``, without blocking the caller.
    public func enteredForeground(native: NativeApp) async throws {
        try await blocking { try self.enteredForeground(native: native) }
    }

    /// As ``forgetFailure(version:)``, without blocking the caller.
    public func forgetFailure(version: String) async throws -> Int64 {
        try await blocking { try self.forgetFailure(version: version) }
    }

    /// As ``markFailed(id:)``, without blocking the caller.
    public func markFailed(id: String) async throws {
        try await blocking { try self.markFailed(id: id) }
    }

    /// As ``setDelays(delays:)``, without blocking the caller.
    public func setDelays(delays: [Delay]) async throws {
        try await blocking { try self.setDelays(delays: delays) }
    }

    /// As ``setNext(slot:)``, without blocking the caller.
    public func setNext(slot: Slot) async throws {
        try await blocking { try self.setNext(slot: slot) }
    }

    /// As ``setNextWhen(slot:delays:)``, without blocking the caller.
    public func setNextWhen(slot: Slot, delays: [Delay]) async throws {
        try await blocking { try self.setNextWhen(slot: slot, delays: delays) }
    }

    /// As ``takeFailure()``, without blocking the caller.
    public func takeFailure() async throws -> FailedBundle? {
        try await blocking { try self.takeFailure() }
    }

    /// As ``diskUsage()``, without blocking the caller.
    public func diskUsage() async throws -> DiskUsage {
        try await blocking { try self.diskUsage() }
    }

    /// As ``applyNext(native:)``, without blocking the caller.
    public func applyNext(native: NativeApp) async throws -> Launch? {
        try await blocking { try self.applyNext(native: native) }
    }

    /// As ``launch(native:)``, without blocking the caller.
    public func launch(native: NativeApp) async throws -> Launch {
        try await blocking { try self.launch(native: native) }
    }

    /// As ``reset(toLastProven:)``, without blocking the caller.
    public func reset(toLastProven: Bool) async throws -> Launch {
        try await blocking { try self.reset(toLastProven: toLastProven) }
    }

    /// As ``served()``, without blocking the caller.
    public func served() async throws -> Launch? {
        try await blocking { try self.served() }
    }

    /// As ``setCurrent(slot:)``, without blocking the caller.
    public func setCurrent(slot: Slot) async throws -> Launch {
        try await blocking { try self.setCurrent(slot: slot) }
    }

    /// As ``current()``, without blocking the caller.
    public func current() async throws -> Slot {
        try await blocking { try self.current() }
    }

    /// As ``delays()``, without blocking the caller.
    public func delays() async throws -> [Delay] {
        try await blocking { try self.delays() }
    }

    /// As ``failed()``, without blocking the caller.
    public func failed() async throws -> [FailedBundle] {
        try await blocking { try self.failed() }
    }

    /// As ``failureOf(version:digest:)``, without blocking the caller.
    public func failureOf(version: String, digest: String? = nil) async throws -> FailedBundle? {
        try await blocking { try self.failureOf(version: version, digest: digest) }
    }

    /// As ``fallback()``, without blocking the caller.
    public func fallback() async throws -> Slot {
        try await blocking { try self.fallback() }
    }

    /// As ``find(digest:)``, without blocking the caller.
    public func find(digest: String) async throws -> BundleRecord? {
        try await blocking { try self.find(digest: digest) }
    }

    /// As ``get(id:)``, without blocking the caller.
    public func get(id: String) async throws -> BundleRecord {
        try await blocking { try self.get(id: id) }
    }

    /// As ``list()``, without blocking the caller.
    public func list() async throws -> [InstalledBundle] {
        try await blocking { try self.list() }
    }

    /// As ``next()``, without blocking the caller.
    public func next() async throws -> Slot? {
        try await blocking { try self.next() }
    }

    /// As ``confirm(slot:)``, without blocking the caller.
    public func confirm(slot: Slot) async throws -> Confirmation {
        try await blocking { try self.confirm(slot: slot) }
    }

    /// As ``trialExpired(id:)``, without blocking the caller.
    public func trialExpired(id: String) async throws -> Launch? {
        try await blocking { try self.trialExpired(id: id) }
    }

    /// As ``trialStarted(id:)``, without blocking the caller.
    public func trialStarted(id: String) async throws -> Bool {
        try await blocking { try self.trialStarted(id: id) }
    }

    /// As ``trialSuspended(id:)``, without blocking the caller.
    public func trialSuspended(id: String) async throws -> Bool {
        try await blocking { try self.trialSuspended(id: id) }
    }
}
