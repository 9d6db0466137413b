//! Reports calls and connections to `log` or `tracing`: see [`logs`].

use std::mem;

use httpool::{
    client::{Action, Closed},
    h1::CloseReason,
    id::{CallId, ConnId, SocketId},
};
use httpool_kit::logs::{self, Report};

use crate::client::Client;

/// The reports of the calls that run. Nothing is kept while nobody listens.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    /// By the slots of the calls.
    calls: Vec<Option<(CallId, Report)>>,
    /// The number of calls so far, by which the core's trace names them too.
    begun: u64,
    /// Whether an event that names no call may have ended one, or begun another attempt.
    looks: bool,
    /// The socket that is being handled, if its connection was not open before.
    opening: Option<(SocketId, ConnId)>,
}

impl Reports {
    /// Looks at all calls before the next actions, because of an event that names no call: a
    /// deadline, or a connection that could not be opened.
    #[inline]
    pub(crate) fn look(&mut self) {
        self.looks |= logs::ON && !self.calls.is_empty();
    }

    fn of(&mut self, call: CallId) -> Option<&mut Report> {
        let (of, report) = self.calls.get_mut(call.index())?.as_mut()?;
        (*of == call).then_some(report)
    }
}

impl Client {
    /// Begins the report of a new call.
    #[inline]
    pub(crate) fn report_begin(&mut self, call: CallId) {
        if !logs::ON {
            return;
        }
        let (now, number) = (self.now(), self.reports.begun);
        self.reports.begun += 1;
        if !logs::listens() {
            return;
        }
        let Some(machine) = self.core.call(call) else { return };
        let report = Report::begin(machine, number, now);
        let calls = &mut self.reports.calls;
        if calls.len() <= call.index() {
            calls.resize_with(call.index() + 1, || None);
        }
        calls[call.index()] = Some((call, report));
    }

    /// Returns the call that uses a socket, if it is reported.
    #[inline]
    pub(crate) fn reported_caller(&self, socket: SocketId) -> Option<CallId> {
        let reports = logs::ON && !self.reports.calls.is_empty();
        reports.then(|| self.core.caller(socket))?
    }

    /// Reports the news of a call. Without a call, of all calls: before the next actions.
    #[inline]
    pub(crate) fn report_call(&mut self, call: Option<CallId>) {
        if !logs::ON {
            return;
        }
        let Some(call) = call else { return self.reports.look() };
        let now = self.now();
        if let (Some(report), Some(machine)) = (self.reports.of(call), self.core.call(call)) {
            report.settle(machine, now);
        }
    }

    /// Reports that the application gives a call up.
    #[inline]
    pub(crate) fn report_given_up(&mut self, call: CallId, discards: bool) {
        if !logs::ON {
            return;
        }
        let now = self.now();
        if let (Some(report), Some(machine)) = (self.reports.of(call), self.core.call(call)) {
            report.give_up(machine, discards && machine.status().is_some(), now);
        }
    }

    /// Notes the socket that is being handled, if its connection is not open yet.
    #[inline]
    pub(crate) fn report_opening(&mut self, socket: SocketId, conn: ConnId) {
        if logs::listens() {
            let opens = self.core.key(socket).is_none();
            self.reports.opening = opens.then_some((socket, conn));
        }
    }

    /// Reports that the connection of the socket that is being handled has been opened, and the news
    /// of all calls if an event may have brought any.
    #[inline]
    pub(crate) fn report_news(&mut self) {
        if !logs::ON {
            return;
        }
        if let Some((socket, conn)) = self.reports.opening
            && let Some(key) = self.core.key(socket)
        {
            logs::opened(conn, key);
            self.reports.opening = None;
        }
        if mem::take(&mut self.reports.looks) {
            let now = self.now();
            for (call, report) in self.reports.calls.iter_mut().flatten() {
                if report.is_on()
                    && let Some(machine) = self.core.call(*call)
                {
                    report.settle(machine, now);
                }
            }
        }
    }

    /// Reports an action before it is performed. `conn_of` returns the connection of a socket.
    #[inline]
    pub(crate) fn report_action(
        &mut self,
        action: &Action,
        conn_of: impl FnOnce(SocketId) -> Option<ConnId>,
    ) {
        if !logs::ON {
            return;
        }
        self.report_news();
        match *action {
            Action::Transmit { socket, .. } => self.report_attempt(socket),
            Action::Close { socket, why } => {
                if let Some(conn) = conn_of(socket) {
                    logs::closed(conn, why);
                }
            }
            Action::HandOver { socket, call } => {
                self.report_call(Some(call));
                if let Some(conn) = conn_of(socket) {
                    logs::closed(conn, Closed::Used(CloseReason::Switched));
                }
            }
            Action::Rewind { call }
            | Action::Restart { call }
            | Action::End { call, .. }
            | Action::Failed { call, .. } => self.report_call(Some(call)),
            _ => {}
        }
    }

    /// Reports the attempt that begins on a socket, if one does.
    fn report_attempt(&mut self, socket: SocketId) {
        let Some(call) = self.reported_caller(socket) else { return };
        let (now, connection) = (self.now(), self.core.connection(call));
        if let Some(connection) = connection
            && let (Some(report), Some(machine)) = (self.reports.of(call), self.core.call(call))
        {
            report.lent(machine, connection, now);
        }
    }
}
