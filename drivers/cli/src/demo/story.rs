//! Translates the machines' trace into sentences.
//!
//! A trace line such as `pool > reuse t0.1 c0.0` becomes a sentence with readable names, such as
//! `gives connection 1 to call 2`. Lines without new information are left out.

use std::{
    collections::HashMap,
    thread::{self, ThreadId},
};

use httpool::{
    id::ConnId,
    time::Instant,
    trace::{Kind, Who},
};

use crate::units::Bytes;

/// The calls, connections and tickets that have appeared so far.
#[derive(Default)]
pub(super) struct Story {
    calls: HashMap<u64, Call>,
    /// Names of connections, such as `c0.1`, in the order of their appearance.
    connections: Vec<String>,
    tickets: HashMap<String, Ticket>,
    /// The call that each thread runs, one at a time. The pool's lines of a thread are about its
    /// call.
    running: HashMap<ThreadId, u64>,
}

#[derive(Default)]
struct Call {
    attempts: u32,
    /// The last answer's status.
    status: Option<String>,
    /// Whether a sentence about this attempt's output was printed.
    sending: bool,
    /// The bytes written since that sentence, and the time of the last write.
    sent: Option<(u64, Instant)>,
}

struct Ticket {
    call: u64,
    in_line: bool,
}

impl Story {
    /// Returns the sentences for a trace line: none, one or two, each with its time.
    pub(super) fn tell(
        &mut self,
        at: Instant,
        who: Who,
        kind: Kind,
        text: &str,
    ) -> Vec<(Instant, String)> {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        match who {
            Who::Call(number) => {
                self.running.insert(thread::current().id(), number);
                self.calls.entry(number).or_default().tell(at, kind, verb, rest)
            }
            Who::Pool => {
                self.tell_pool(kind, verb, rest).map(|told| (at, told)).into_iter().collect()
            }
            Who::Dial(bits) => {
                let told = match verb {
                    "connected" => "is open".to_owned(),
                    "tls-up" => format!("is secured: {rest}"),
                    "tls-failed" => "is given up in its handshake".to_owned(),
                    _ => return Vec::new(),
                };
                let conn = self.connection(&ConnId::from_bits(bits).to_string());
                vec![(at, format!("{conn} {told}"))]
            }
            _ => Vec::new(),
        }
    }

    fn tell_pool(&mut self, kind: Kind, verb: &str, rest: &str) -> Option<String> {
        let words: Vec<_> = rest.split(' ').collect();
        match (kind, verb, words.as_slice()) {
            (Kind::Action, "dial", [conn, ticket, ..]) => {
                self.admit(ticket);
                let (conn, call) = (self.connection(conn), self.call(ticket));
                Some(format!("has none to give: opens {conn} for {call}"))
            }
            (Kind::Action, "admit", [ticket]) => {
                self.admit(ticket);
                None
            }
            (Kind::Action, "wait", [ticket]) => {
                let in_line = &mut self.tickets.get_mut(*ticket)?.in_line;
                let known = core::mem::replace(in_line, true);
                (!known).then(|| format!("may open no more: {} stands in line", self.call(ticket)))
            }
            (Kind::Action, "reuse", [ticket, conn, "probe"]) => {
                let (conn, call) = (self.connection(conn), self.call(ticket));
                Some(format!("gives {conn} to {call}, to be looked at first"))
            }
            (Kind::Action, "reuse" | "fresh", [ticket, conn]) => {
                let (conn, call) = (self.connection(conn), self.call(ticket));
                Some(format!("gives {conn} to {call}"))
            }
            (Kind::Event, "checkin", [conn, "keep"]) => {
                Some(format!("takes {} back", self.connection(conn)))
            }
            (Kind::Event, "checkin", [conn, _]) => {
                Some(format!("{} is closed", self.connection(conn)))
            }
            (Kind::Event, "dead", [conn]) => {
                Some(format!("{} is dead, and closed", self.connection(conn)))
            }
            _ => None,
        }
    }

    fn admit(&mut self, ticket: &str) {
        let call = self.running.get(&thread::current().id()).copied().unwrap_or(0);
        self.tickets.entry(ticket.to_owned()).or_insert(Ticket { call, in_line: false });
    }

    fn call(&self, ticket: &str) -> String {
        match self.tickets.get(ticket) {
            Some(ticket) => format!("call {}", ticket.call + 1),
            None => "somebody".to_owned(),
        }
    }

    fn connection(&mut self, name: &str) -> String {
        let at = self.connections.iter().position(|known| known == name).unwrap_or_else(|| {
            self.connections.push(name.to_owned());
            self.connections.len() - 1
        });
        format!("connection {}", at + 1)
    }
}

impl Call {
    fn tell(&mut self, at: Instant, kind: Kind, verb: &str, rest: &str) -> Vec<(Instant, String)> {
        let told = match (kind, verb) {
            (Kind::Event, "request") => Some(without_origin(rest)),
            (Kind::Event, "leased") => {
                self.attempts += 1;
                self.sending = false;
                None
            }
            (Kind::Event, "written") if !self.sending => {
                self.sending = true;
                Some(format!("sends {}", Bytes(rest.parse().unwrap_or(0))))
            }
            (Kind::Event, "written") => {
                let before = self.sent.map_or(0, |(bytes, _)| bytes);
                self.sent = Some((before + rest.parse::<u64>().unwrap_or(0), at));
                None
            }
            (Kind::Action, "checkout") if self.attempts > 0 => {
                let redirected = self.status.take().is_some_and(|status| status.starts_with('3'));
                Some(if redirected { "follows the redirect" } else { "asks again" }.to_owned())
            }
            (Kind::Action, "head") => {
                self.status = Some(rest.to_owned());
                Some(format!("is answered: {rest}"))
            }
            (Kind::Action, "data") => Some(format!("reads {rest} of the body")),
            (Kind::Action, "wait") => Some("waits, and holds no connection".to_owned()),
            (Kind::Event, "timeout") if rest == "backoff" => Some("has waited".to_owned()),
            (Kind::Event, "timeout") => Some(format!("has reached its {rest} deadline")),
            (Kind::Event, "eof") => Some("finds that the server has hung up".to_owned()),
            // Puts the part in parentheses on a line of its own.
            (Kind::Action, "failed:") => Some(format!("fails: {}", rest.replace(" (", "\n("))),
            _ => None,
        };
        let Some(told) = told else { return Vec::new() };
        let sent = self.sent.take().map(|(bytes, at)| (at, format!("sends {} more", Bytes(bytes))));
        sent.into_iter().chain([(at, told)]).collect()
    }
}

/// Returns `GET /x` for `GET http://a:80/x (86 B)`.
fn without_origin(request: &str) -> String {
    let (method, rest) = request.split_once(' ').unwrap_or(("", request));
    let url = rest.rsplit_once(" (").map_or(rest, |(url, _)| url);
    let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    format!("{method} {}", path.unwrap_or("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Translates trace lines such as `r0 < written 86`. Each line has a time of its own, from 0 ns.
    fn told(lines: &str) -> String {
        let mut story = Story::default();
        let mut text = String::new();
        for (nanos, line) in (0..).zip(lines.lines().map(str::trim)) {
            let mut parts = line.splitn(3, ' ');
            let who = match parts.next().unwrap() {
                "pool" => Who::Pool,
                dial if dial.starts_with('d') => Who::Dial(dial[1..].parse().unwrap()),
                call => Who::Call(call[1..].parse().unwrap()),
            };
            let kind = if parts.next() == Some("<") { Kind::Event } else { Kind::Action };
            let at = Instant::from_nanos(nanos);
            for (at, sentence) in story.tell(at, who, kind, parts.next().unwrap()) {
                text += &format!("{} {sentence}\n", at.as_nanos());
            }
        }
        text
    }

    #[test]
    fn names_are_given_in_order_of_appearance() {
        let lines = "r0 < request GET http://a:80/x?y (86 B)
            pool > dial c0.7 t0.0 http://a:80
            pool > admit t0.0
            d30064771072 < connected 0
            pool > fresh t0.0 c0.7
            pool < checkin c0.7 keep";
        assert_eq!(
            told(lines),
            "0 GET /x?y\n\
             1 has none to give: opens connection 1 for call 1\n\
             3 connection 1 is open\n\
             4 gives connection 1 to call 1\n\
             5 takes connection 1 back\n"
        );
    }

    #[test]
    fn writes_but_the_first_are_summed_up() {
        let lines = "r0 < written 1000
            r0 > send body
            r0 < written 1000
            r0 > send body
            r0 < written 48
            r0 < bytes 7
            r0 > head 413";
        assert_eq!(told(lines), "0 sends 1000 B\n4 sends 1.0 KiB more\n6 is answered: 413\n");
    }

    #[test]
    fn the_dead_are_told_from_the_closed() {
        let lines = "r0 > checkout http://a:80
            pool > admit t0.0
            pool > reuse t0.0 c0.0 probe
            pool < dead c0.0
            pool > reuse t0.0 c1.0 probe
            r0 < leased reused
            pool < checkin c1.0 discard
            pool < dead c2.0";
        assert_eq!(
            told(lines),
            "2 gives connection 1 to call 1, to be looked at first\n\
             3 connection 1 is dead, and closed\n\
             4 gives connection 2 to call 1, to be looked at first\n\
             6 connection 2 is closed\n\
             7 connection 3 is dead, and closed\n"
        );
    }

    #[test]
    fn a_handshake_is_told_with_its_result() {
        let lines = "d0 > start-tls 0 a.test
            d0 < tls-up TLSv1.3 X25519 full verified
            d1 < tls-failed name";
        assert_eq!(
            told(lines),
            "1 connection 1 is secured: TLSv1.3 X25519 full verified\n\
             2 connection 2 is given up in its handshake\n"
        );
    }

    #[test]
    fn who_stands_in_line_is_named_once() {
        let lines = "r4 > checkout http://a:80
            pool > admit t3.1
            pool > wait t3.1
            pool > wait t3.1
            pool > wait t3.1 dialing";
        assert_eq!(told(lines), "2 may open no more: call 5 stands in line\n");
    }
}
