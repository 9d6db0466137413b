//! Coverage marks: states, faults and outcomes that a world can reach, and how many worlds have
//! reached each. A mark that no world reaches shows a gap in the generated plans.

macro_rules! marks {
    ($($name:ident $words:literal,)*) => {
        /// A state, fault or outcome that a world can reach.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Mark {
            $($name,)*
        }

        const WORDS: &[&str] = &[$($words,)*];
    };
}

marks! {
    Line "state: in line",
    DialName "state: a name is looked up",
    DialTcp "state: connecting",
    DialProxy "state: asking a proxy",
    DialTls "state: shaking hands",
    Rewind "state: rewinding",
    Body "state: waiting for body to send",
    Room "state: waiting for room to write",
    Continue "state: waiting for a 100",
    Head "state: waiting for a head",
    Data "state: waiting for data",
    Reader "state: paused",
    Pause "state: between attempts",
    DeadlineResolve "deadline: resolve",
    DeadlineConnect "deadline: connect",
    DeadlineTls "deadline: tls",
    DeadlineQueue "deadline: queue",
    DeadlineWrite "deadline: write",
    DeadlineFirstByte "deadline: first-byte",
    DeadlineStall "deadline: stall",
    DeadlineContinue "deadline: continue",
    DeadlineBackoff "deadline: backoff",
    DeadlineTotal "deadline: total",
    FaultReset "fault: reset",
    FaultHalfClose "fault: half-close",
    FaultHole "fault: black hole",
    FaultHeals "fault: black hole that heals",
    FaultDeaf "fault: a server that does not read",
    FaultChatter "fault: unsolicited bytes on an idle connection",
    FaultGreeting "fault: a response before the request",
    FaultIdleClose "fault: closed while idle",
    FaultRace "fault: a request to a closed connection",
    FaultNameMissing "fault: no such name",
    FaultNameNever "fault: a look-up without an answer",
    FaultConnect "fault: connecting fails",
    FaultConnectNever "fault: connecting without an answer",
    FaultTls "fault: failed handshake",
    FaultTlsNever "fault: handshake without an answer",
    FaultProxy "fault: a proxy that refuses or breaks off",
    FaultProxyNever "fault: a proxy that does not answer",
    FaultSecond "fault: second response",
    FaultGarbage "fault: garbage behind a response",
    FaultDie "fault: acts and closes",
    FaultDieReset "fault: acts and resets",
    FaultSilent "fault: never answers",
    FaultCut "fault: truncated",
    FaultCutReset "fault: reset in a response",
    FaultStall "fault: stops in a response",
    FaultMalformed "fault: a response that is not HTTP",
    FaultUnannounced "fault: closes unannounced",
    FaultEarly "fault: answers early",
    FaultDrip "fault: slow drip",
    FaultBody "fault: body source fails",
    FaultRewind "fault: body cannot be rewound after all",
    FaultStale "fault: stale events reported",
    FaultLate "fault: sockets checked late",
    Cancel "application: cancels",
    CancelEarly "application: cancels before a byte is written",
    Discard "application: discards",
    Paused "application: pauses",
    NotYet "application: has no body yet",
    CloseGently "application: closes the client",
    CloseNow "application: closes the client at once",
    OutcomeEnd "outcome: a whole response",
    OutcomeHandOver "outcome: another protocol",
    OutcomeFailed "outcome: a failure",
    Status "outcome: a redirect or error status passed on",
    Tunnelled "course: through a proxy",
    Forwarded "course: forwarded by a proxy",
    Reused "course: a connection used again",
    Again "course: sent again after a stale connection",
    Redirected "course: redirected",
    RedirectedElsewhere "course: redirected with credentials to another origin",
    Retried "course: tried again",
    Rewound "course: a body given again",
    Interim "course: interim responses",
    Continued "course: a 100 that was waited for",
    LookUpCancelled "course: a look-up that nobody waits for any more",
    Tainted "course: an unsolicited response that no client could recognise as such",
    CauseLineFull "cause: the line is full",
    CauseClosed "cause: the pool is closed",
    CauseName "cause: no address",
    CauseConnect "cause: no connection",
    CauseProxy "cause: no tunnel",
    CauseDenied "cause: denied by the guard",
    CauseTls "cause: no handshake",
    CauseViolation "cause: the peer broke the protocol",
    CauseLost "cause: the connection was lost",
    CauseRedirect "cause: too many redirects",
    CauseStatus "cause: retries are spent",
    CauseNotReplayable "cause: the body cannot be given again",
    CauseUnusable "cause: the body could not be used",
    CauseBody "cause: the body's source failed",
    CauseCancelled "cause: cancelled by the application",
    ClosePeerAsked "close: the peer asked",
    CloseWeAsked "close: we asked",
    CloseDelimited "close: the end of the body",
    CloseRequestUnfinished "close: the request was not sent to its end",
    CloseViolation "close: the peer broke the protocol",
    CloseIdle "close: idle for too long",
    CloseAge "close: open for too long",
    CloseSurplus "close: surplus",
    CloseMadeRoom "close: to make room",
    CloseLost "close: lost while idle",
    CloseClosed "close: the pool is closed",
    CloseUnfinished "close: its call ended or went on before the response did",
    CloseAbandoned "close: no longer needed",
    CloseFailed "close: it could not be opened",
    Drain "state: reading an unwanted body",
    DeadlineRate "deadline: rate",
    DeadlineDrain "deadline: drain",
    FaultSlow "fault: a body that drips",
    FaultPadding "fault: chunk framing that drips",
    Waited "course: a redirect followed after its Retry-After",
    CauseRetryAfter "cause: a redirect that asks for too long a wait",
    FaultShort "fault: no descriptor is left",
    CauseShort "cause: no descriptor, and no connection to close",
    CauseKeyLineFull "cause: the line of a key is full",
    LateEnd "outcome: a response that was complete before its request",
    BodyDone "application: discards, and the upload goes on",
    CauseBodyUnsent "cause: the rest of the body could not be sent",
    BodyTaken "outcome: a response that needed no more of the body",
    Expectation "course: sent again without Expect",
    DeadlineResolver "deadline: resolver",
    NextAddress "course: another address because one did not answer",
    NextAddressTotal "course: another address, sooner because of a total deadline",
    Refresh "course: a kept look-up result is refreshed",
    Secured "course: over a session",
    Ticket "course: a ticket on a session",
    KeyUpdate "course: a key update on a session",
    Notice "course: a session that ends with notice",
    FaultTruncated "fault: a session that ends without notice",
    Restart "course: another attempt after a part of the body",
    Chained "course: through two proxies",
    FaultProxyPage "fault: a proxy that refuses with a page",
    FaultProxyHead "fault: a proxy whose head does not end",
    FaultProxySpeaks "fault: a proxy that sends bytes of its own through a tunnel",
    ClosesKey "application: closes the connections to a server",
    Retires "application: retires all connections",
    TwoLayers "course: over a session within that of a proxy",
    OuterNotice "fault: a session that ends without notice, within one that ends with notice",
    FaultCutRecord "fault: a session that ends inside a record",
    LookedUpAgain "course: a name with open connections is looked up again",
    CloseAddressGone "close: its name has lost its address",
}

/// The marks that one world has reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks([u64; 3]);

impl Marks {
    pub(super) const fn set(&mut self, mark: Mark) {
        self.0[mark as usize / 64] |= 1 << (mark as usize % 64);
    }

    const fn has(self, mark: usize) -> bool {
        self.0[mark / 64] >> (mark % 64) & 1 == 1
    }
}

const _: () = assert!(WORDS.len() <= 192, "a bit for each");

/// Counts the worlds that have reached each mark.
#[derive(Debug, Clone)]
pub struct Coverage {
    worlds: u64,
    counts: Vec<u64>,
    /// The number of calls in all worlds.
    calls: u64,
    /// The number of steps in all worlds.
    steps: u64,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { worlds: 0, counts: vec![0; WORDS.len()], calls: 0, steps: 0 }
    }
}

impl Coverage {
    pub(super) fn add(&mut self, marks: Marks, calls: u64, steps: u64) {
        self.worlds += 1;
        self.calls += calls;
        self.steps += steps;
        for (mark, count) in self.counts.iter_mut().enumerate() {
            *count += u64::from(marks.has(mark));
        }
    }

    /// Adds the counts of another coverage, such as another thread's.
    pub fn merge(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.calls += other.calls;
        self.steps += other.steps;
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// Returns the number of worlds.
    pub const fn worlds(&self) -> u64 {
        self.worlds
    }

    /// Returns the number of calls made in all worlds.
    pub const fn calls(&self) -> u64 {
        self.calls
    }

    /// Returns the number of steps taken in all worlds. In a step the client gets one or more
    /// inputs, and its invariants are checked.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns each mark's description, and how many worlds have reached the mark.
    pub fn table(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        WORDS.iter().copied().zip(self.counts.iter().copied())
    }

    /// Returns the descriptions of the marks that no world has reached.
    pub fn holes(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.table().filter(|(_, count)| *count == 0).map(|(words, _)| words)
    }
}
