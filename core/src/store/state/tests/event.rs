//! The events of an app.

/// An event. Numbers select one of the candidates of that moment, so that a sequence stays meaningful if events are
/// removed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Install { release: u8 },
    AcceptBuiltIn { release: u8 },
    SetNext { slot: u8 },
    ClearNext,
    SetCurrent { session: u8, slot: u8 },
    Reset { session: u8, to_last_proven: bool },
    ApplyNext { session: u8 },
    Open,
    Launch { session: u8, how: Saving },
    TrialStarted { session: u8 },
    TrialSuspended { session: u8 },
    ConfirmServed { session: u8 },
    ConfirmOther { session: u8, slot: u8 },
    TrialExpired { session: u8 },
    End { session: u8 },
    Delete { slot: u8 },
    MarkFailed { slot: u8 },
    Forget { release: u8 },
    Purge { slot: u8 },
    NativeUpdate { build: u8, version: u8 },
    Clock { forward: bool, seconds: u32 },
    SetDelays { kinds: u8 },
    Background { session: u8 },
    Foreground { session: u8 },
}

/// The session opened last.
pub(super) const NEWEST: u8 = u8::MAX;

/// Whether the launch can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saving {
    Works,
    DiskFull,
    Busy,
}
