//! The seeded world. (docs follow)

mod base;
mod cases;
mod clock;
mod driver;
mod grow;
mod marks;
mod net;
mod parse;
mod plan;
mod random;
mod reply;
mod run;
mod server;
mod stage;
mod watch;

pub use cases::Outcome;
pub use marks::Coverage;
pub use plan::{
    Address, BodyPlan, CallPlan, Fault, FaultKind, Finish, Framing, Names, Noise, OriginPlan, Plan,
    Reading, Reply, Tls,
};
pub use random::Random;
pub use run::{CallReport, Report, Violation, run, trace};
