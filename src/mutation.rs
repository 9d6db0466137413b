//! Defects that the design excludes, each to be switched on in a build for tests, which proves that
//! the simulator would find it.
//!
//! Without `--cfg httpool_mutations` there is no switch, and nothing of this is left in the code.

/// A defect. Where it is asked for, the line that asks says what then goes wrong.
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
    /// Who inherits the dial of a ticket that was cancelled is never woken.
    LostWaiter,
    /// A connection that is granted stays among those to be evicted.
    EvictedGrant,
    /// Bytes on an idle connection are let pass.
    PoisonedIdle,
    /// A POST is sent again though a server may have acted on it.
    PostTwice,
    /// A connection that is not kept keeps its place.
    LeakedLease,
    /// Nothing bounds the wait for more of a body.
    NoDeadline,
    /// A ticket that has a dial gets more of them.
    SurplusDials,
    /// Who comes last is served first.
    UnfairLine,
    /// A connection is kept though its request was not written to its end.
    KeptUnsent,
    /// Credentials follow a redirect to another origin.
    LeakedCredentials,
    /// A name that was given up comes to mean another entry.
    StaleName,
    /// A response that is discarded while it is paused is not read on.
    PausedDiscard,
    /// What waits to be told of a call is told though the application has given it up.
    LateNews,
    /// Only the stall deadline bounds the time in which a body that nobody wants is read.
    EndlessDrain,
    /// Bytes of chunk framing begin the stall deadline again.
    FramingStall,
    /// A redirect is followed at once though its Retry-After asks for a wait.
    HastyRedirect,
    /// A connection that was used a moment ago is not probed before it is used again.
    UnprobedReuse,
    /// A call fails for want of a descriptor though connections are idle.
    FatalShortage,
    /// A call is refused because others wait, though it need not wait itself.
    RefusedThoughFree,
    /// The end of a response ends the sending of the body that it answers, and that is called success.
    CutUpload,
    /// An address that does not answer takes its share of the connect time from the call's total,
    /// however little of that there is.
    DeadAddress,
}

#[cfg(httpool_mutations)]
mod switch {
    use core::sync::atomic::{AtomicU8, Ordering};

    use super::Mutation;

    const NONE: u8 = u8::MAX;
    static ACTIVE: AtomicU8 = AtomicU8::new(NONE);

    /// Which defect there is from now on, in all machines of this process.
    pub fn mutate(mutation: Option<Mutation>) {
        ACTIVE.store(mutation.map_or(NONE, |it| it as u8), Ordering::Relaxed);
    }

    pub(crate) fn mutated(mutation: Mutation) -> bool {
        ACTIVE.load(Ordering::Relaxed) == mutation as u8
    }
}

#[cfg(httpool_mutations)]
pub use switch::mutate;
#[cfg(httpool_mutations)]
pub(crate) use switch::mutated;

#[cfg(not(httpool_mutations))]
pub(crate) const fn mutated(_: Mutation) -> bool {
    false
}
