//! Deliberate defects for tests. A test build switches one on, to prove that the simulator finds
//! it.
//!
//! Without `--cfg httpool_mutations` nothing can be switched on, and the compiler removes all of
//! this.

/// A defect. The code that calls `mutated` with it does the wrong thing while it is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    httpool_mutations,
    expect(clippy::exhaustive_enums, reason = "for tests of this version")
)]
#[cfg_attr(
    not(httpool_mutations),
    expect(unreachable_pub, reason = "it is public where it can be switched")
)]
pub enum Mutation {
    /// A ticket that takes over the dial of a cancelled ticket is never woken.
    LostWaiter,
    /// A connection that was granted to a ticket can still be evicted.
    EvictedGrant,
    /// Bytes that arrive on an idle connection are ignored.
    PoisonedIdle,
    /// A POST is sent again although a server may have acted on it.
    PostTwice,
    /// A connection that is closed on return still counts against the pool's limits.
    LeakedLease,
    /// The wait for more bytes of a body has no deadline.
    NoDeadline,
    /// A ticket that already has a dial starts more.
    SurplusDials,
    /// Waiting tickets are served last in, first out.
    UnfairLine,
    /// A connection is kept although its request was not written to its end.
    KeptUnsent,
    /// Credentials follow a redirect to another origin.
    LeakedCredentials,
    /// A freed id refers to the next entry in its slot.
    StaleName,
    /// A response that is discarded while paused is not read any further.
    PausedDiscard,
    /// Queued events of a call are delivered although the application has given the call up.
    LateNews,
    /// Only the stall deadline limits how long the rest of a discarded body is read.
    EndlessDrain,
    /// Bytes of chunk framing restart the stall deadline.
    FramingStall,
    /// A redirect is followed at once although its Retry-After asks for a wait.
    HastyRedirect,
    /// A connection that was used a moment ago is reused without a probe.
    UnprobedReuse,
    /// A call fails for lack of a file descriptor although idle connections could be closed.
    FatalShortage,
    /// A call is refused because the queue is full, although it would not have to wait.
    RefusedThoughFree,
    /// The end of a response cuts off the request's body, and the call counts as a success.
    CutUpload,
    /// An address that does not answer takes its share of the connect time from the call's total,
    /// however little of that there is.
    DeadAddress,
    /// Opening a connection for a call is limited by the dial's timeouts alone, not by the call's
    /// connect timeout.
    EndlessConnect,
    /// The sockets that lost a race are not closed.
    OpenLoser,
    /// The look-up of a dial that ended is not cancelled.
    EndlessLookUp,
    /// A connection is kept although the reader could not use the body that came over it.
    KeptUnusable,
    /// A request that follows a redirect from a forward proxy to an origin still has the fields of
    /// the proxy.
    ProxyFieldsToOrigin,
    /// The addresses that a name is looked up to are dialed although the guard denies them.
    UnguardedLookUp,
    /// A redirect leads a proxy that forwards to an origin that the guard denies.
    UnjudgedRedirect,
    /// A tunnel is used for a call whose credentials for the proxy are others.
    SharedTunnel,
    /// The TLS handshake with an origin behind a proxy is left out.
    PlainTunnel,
    // Defects of drivers.
    /// A connection with a session that is cut counts as ended by its peer.
    #[cfg(httpool_mutations)]
    CutSession,
    /// Plaintext that a session has opened behind a response is left for the next request.
    #[cfg(httpool_mutations)]
    UnaskedPlaintext,
    /// A body that ends before its Content-Length counts as whole.
    ShortBody,
    /// The reader keeps the part of a body that it has although another attempt begins.
    KeptBody,
    /// A connection is kept although its key was closed, or the pool retired, while it was in use.
    KeptRetired,
    /// More keys than `idle_keys_max` allows keep idle connections.
    SurplusKeys,
    /// A connection is used again although it is too old.
    AgedReuse,
    /// A failure inside a body that is preloaded is not retried.
    LostPreload,
    /// The notice that ends the session with a proxy counts as the end of the session within it. In
    /// drivers.
    #[cfg(httpool_mutations)]
    ProxyNotice,
    /// The notice that ends a session changes nothing, as a ticket does. In drivers.
    #[cfg(httpool_mutations)]
    NoticeAsTicket,
    /// The rest of a download is appended although it belongs to another version of the file.
    MixedVersions,
    /// Limits that a key has of its own are ignored.
    SharedLimits,
    /// A connection is kept although its name has been looked up again and does not have its address
    /// any more.
    KeptAddress,
}

#[cfg(httpool_mutations)]
mod switch {
    use core::sync::atomic::{AtomicU8, Ordering};

    use super::Mutation;

    const NONE: u8 = u8::MAX;
    static ACTIVE: AtomicU8 = AtomicU8::new(NONE);

    /// Switches one defect on, or all of them off, in every machine of this process.
    pub fn mutate(mutation: Option<Mutation>) {
        ACTIVE.store(mutation.map_or(NONE, |it| it as u8), Ordering::Relaxed);
    }

    /// Whether this defect is switched on. Drivers have defects too.
    pub fn mutated(mutation: Mutation) -> bool {
        ACTIVE.load(Ordering::Relaxed) == mutation as u8
    }
}

#[cfg(httpool_mutations)]
pub use switch::{mutate, mutated};

#[cfg(not(httpool_mutations))]
pub(crate) const fn mutated(_: Mutation) -> bool {
    false
}
