//! Draws the timelines as SVG. Each phase has a colour, a pattern, and its name where there is
//! room.

use std::fmt::Write;

use super::{
    model::{Client, Lane, Model, Phase},
    scale::Scale,
};
use crate::units::Time;

/// Widths in pixels: the whole picture, the names of the lanes, and the words behind the axis.
const WIDTH: f64 = 1280.0;
const NAMES: f64 = 300.0;
const ENDS: f64 = 180.0;
const AXIS: f64 = WIDTH - NAMES - ENDS;
/// Heights in pixels: a bar, a row of bars, the links under a row, a heading, the legend.
const BAR: f64 = 16.0;
const ROW: f64 = 20.0;
const LINKS: f64 = 16.0;
const HEADING: f64 = 22.0;
const LEGEND: f64 = 48.0;
/// The width of a character of the font, which has one width for all.
const CHAR: f64 = 6.7;

/// The style of the picture. The patterns tell phases apart without colour.
const STYLE: &str = "\
svg{--fg:#1b1f24;--dim:#59636e;--line:#d0d7de;--bg:#fff;--queue:#8c959f;--look:#8250df;\
--conn:#bc4c00;--proxy:#9a6700;--tls:#bf3989;--send:#0969da;--wait:#57606a;--recv:#1a7f37;\
--pause:#59636e;--use:#0a7ea4;--bad:#cf222e}\
@media(prefers-color-scheme:dark){svg{--fg:#e6edf3;--dim:#9198a1;--line:#3d444d;--bg:#0d1117;\
--queue:#9198a1;--look:#ab7df8;--conn:#f0883e;--proxy:#d4a72c;--tls:#f778ba;--send:#58a6ff;\
--wait:#b1bac4;--recv:#3fb950;--pause:#9198a1;--use:#39c5cf;--bad:#ff7b72}}\
text{font:11px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:var(--fg)}\
.b{font-weight:700}.d{fill:var(--dim)}.f{fill:var(--bad);font-weight:700}.m{text-anchor:middle}\
.bg{fill:var(--bg)}.l{stroke:var(--line);fill:none}.k{stroke:var(--fg);fill:none;stroke-width:1.3}\
.x{stroke:var(--dim);fill:none;stroke-dasharray:1 4}.t{paint-order:stroke;stroke:var(--bg);\
stroke-width:3px}rect.p{stroke-width:1.2}pattern path,pattern circle{stroke-width:1.4}";

const fn color(phase: Phase) -> &'static str {
    match phase {
        Phase::Queue => "queue",
        Phase::LookUp => "look",
        Phase::Connect => "conn",
        Phase::Proxy => "proxy",
        Phase::Tls => "tls",
        Phase::Send => "send",
        Phase::Wait => "wait",
        Phase::Receive => "recv",
        Phase::Pause => "pause",
        Phase::Use => "use",
    }
}

/// Returns the drawing of a pattern's tile of 6 by 6 pixels. Empty: the bar is filled, or hollow.
const fn tile(phase: Phase) -> &'static str {
    match phase {
        Phase::Queue => "M1 3h2",
        Phase::LookUp => "M0 3h6",
        Phase::Connect => "M-1 1l2-2M0 6l6-6M5 7l2-2",
        Phase::Proxy => "M3 0v6",
        Phase::Tls => "M0 0l6 6M6 0l-6 6",
        Phase::Receive => "M-1 5l2 2M0 0l6 6M5-1l2 2",
        Phase::Use => "M3 0v6M0 3h6",
        Phase::Send | Phase::Wait | Phase::Pause => "",
    }
}

/// Returns the fill of a phase's bars.
fn fill(phase: Phase) -> String {
    match phase {
        Phase::Send => "var(--send)".to_owned(),
        Phase::Wait | Phase::Pause => "none".to_owned(),
        _ => format!("url(#{})", color(phase)),
    }
}

/// Escapes text for HTML and XML. Control characters are replaced: XML has none.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => {
                out.push('\u{fffd}');
            }
            char => out.push(char),
        }
    }
    out
}

/// Returns as much of the text as has room in `width` pixels, escaped.
fn fitted(text: &str, width: f64) -> String {
    let room = (width / CHAR) as usize;
    if text.chars().count() <= room {
        return escape(text);
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    escape(&kept) + "\u{2026}"
}

/// Shows nanoseconds.
fn time(nanos: u64) -> String {
    Time(std::time::Duration::from_nanos(nanos)).to_string()
}

/// Draws all clients of a trace, one below the other.
pub(super) fn picture(model: &Model) -> String {
    let mut out = String::new();
    let mut y = LEGEND;
    for (number, client) in (1..).zip(&model.clients) {
        y = Drawing::new(client, &mut out).draw(number, model.clients.len(), y);
    }
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" role=\"img\" \
         aria-label=\"Timelines of calls and connections\"><style>{STYLE}</style><defs>"
    );
    for phase in Phase::ALL.into_iter().filter(|phase| !tile(*phase).is_empty()) {
        let _ = write!(
            svg,
            "<pattern id=\"{0}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path \
             d=\"{1}\" stroke=\"var(--{0})\"/></pattern>",
            color(phase),
            tile(phase)
        );
    }
    let _ = write!(svg, "</defs><rect class=\"bg\" width=\"{WIDTH}\" height=\"{y}\"/>");
    legend(&mut svg);
    svg + &out + "</svg>"
}

fn legend(out: &mut String) {
    let step = (WIDTH - 20.0) / Phase::ALL.len() as f64;
    for (number, phase) in Phase::ALL.into_iter().enumerate() {
        let x = 10.0 + step * number as f64;
        bar(out, (x, 10.0, 24.0), phase);
        out.push_str("</rect>");
        let _ = write!(out, "<text x=\"{}\" y=\"22\">{}</text>", x + 30.0, phase.name());
    }
    let note = "Under a call: redirects, retries and requests sent again. Dotted: time in which \
                nothing changes, shortened. Hover for details.";
    let _ = write!(out, "<text class=\"d\" x=\"10\" y=\"42\">{note}</text>");
}

/// Begins a bar at (x, y) of a width.
fn bar(out: &mut String, (x, y, width): (f64, f64, f64), phase: Phase) {
    let dash = if phase == Phase::Pause { " stroke-dasharray=\"4 3\"" } else { "" };
    let _ = write!(
        out,
        "<rect class=\"p\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" \
         fill=\"{}\" stroke=\"var(--{})\"{dash}>",
        fill(phase),
        color(phase)
    );
}

/// The drawing of one client.
struct Drawing<'m> {
    client: &'m Client,
    scale: Scale,
    out: &'m mut String,
}

impl<'m> Drawing<'m> {
    fn new(client: &'m Client, out: &'m mut String) -> Self {
        let lanes = || client.calls().chain(client.connections());
        let spans = lanes().flat_map(|lane| &lane.spans);
        let mut times: Vec<u64> =
            spans.flat_map(|span| [span.from, span.to.unwrap_or(client.to)]).collect();
        times.extend(lanes().filter_map(|lane| lane.end.as_ref()).map(|(at, _)| *at));
        times.extend([client.from, client.to]);
        Self { client, scale: Scale::new(times, AXIS), out }
    }

    fn x(&self, at: u64) -> f64 {
        NAMES + self.scale.place(at)
    }

    /// Draws the client from `y` on. Returns the y of what follows.
    fn draw(mut self, number: usize, of: usize, y: f64) -> f64 {
        let client = self.client;
        let length = time(client.to.saturating_sub(client.from));
        let name = if of > 1 { format!("client {number}, {length}") } else { length };
        let _ = write!(
            self.out,
            "<path class=\"l\" d=\"M0 {y}H{WIDTH}\"/>\
             <text class=\"b\" x=\"10\" y=\"{}\">{name}</text>",
            y + 15.0
        );
        let top = y + HEADING;
        self.axis(y + 15.0);
        let mut y = top;
        for lane in client.calls() {
            y = self.lane(lane, y);
        }
        for lane in client.connections() {
            y = self.lane(lane, y);
        }
        let (calls, connections) = (client.calls_omitted, client.connections_omitted);
        if calls + connections > 0 {
            let text =
                format!("{calls} more calls and {connections} more connections are not shown");
            let _ = write!(self.out, "<text x=\"10\" y=\"{}\">{text}</text>", y + 12.0);
            y += ROW;
        }
        for (x, _) in &self.scale.breaks {
            let x = NAMES + x;
            let _ = write!(self.out, "<path class=\"x\" d=\"M{x:.1} {top}V{y}\"/>");
        }
        y + 8.0
    }

    /// Writes times along the axis, where there is room for them.
    fn axis(&mut self, y: f64) {
        let from = self.client.from;
        // The end of the last word, behind which the next can begin.
        let mut free = NAMES;
        let breaks =
            self.scale.breaks.iter().map(|(x, long)| (NAMES + x, format!("+{}", time(*long))));
        let mut words: Vec<_> = breaks.collect();
        words.extend([(NAMES, "0".to_owned())]);
        words.extend([(self.x(self.client.to), time(self.client.to - from))]);
        words.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (x, word) in words {
            let half = word.chars().count() as f64 * CHAR / 2.0;
            if x - half >= free - half.min(10.0) {
                let _ = write!(
                    self.out,
                    "<text class=\"d m\" x=\"{:.1}\" y=\"{y}\">{word}</text>",
                    x.max(NAMES + half)
                );
                free = x.max(NAMES + half) + half + 12.0;
            }
        }
    }

    fn lane(&mut self, lane: &Lane, y: f64) -> f64 {
        let title = escape(&lane.name);
        let _ = write!(
            self.out,
            "<text x=\"10\" y=\"{}\">{}<title>{title}</title></text>",
            y + 12.0,
            fitted(&lane.name, NAMES - 24.0)
        );
        let rows = lane.rows();
        for span in &lane.spans {
            self.span(lane, span, y + ROW * span.row as f64);
        }
        self.end(lane, y);
        let below = y + ROW * rows as f64;
        if lane.links.is_empty() {
            return below;
        }
        self.links(lane, below - ROW + BAR);
        below + LINKS
    }

    fn span(&mut self, lane: &Lane, span: &super::model::Span, y: f64) {
        let (from, to) = (span.from, span.to.unwrap_or(self.client.to));
        let (left, right) = (self.x(from), self.x(to));
        if right - left < 0.05 {
            return;
        }
        let wide = right - left;
        let _ = write!(self.out, "<g>");
        bar(self.out, (left, y, (wide - 1.0).max(wide * 0.8)), span.phase);
        let lasts = if span.to.is_none() { ", not over" } else { "" };
        let about = if span.about.is_empty() { "" } else { ": " };
        let start = time(from - self.client.from);
        let _ = write!(
            self.out,
            "<title>{}\n{}{about}{}\n{} from {start} on{lasts}</title></rect>",
            escape(&lane.name),
            span.phase.name(),
            escape(&span.about),
            time(to - from),
        );
        let name = if span.phase == Phase::Use { &span.about } else { span.phase.name() };
        if name.chars().count() as f64 * CHAR + 8.0 <= wide {
            // Filled bars need a word that is set off as much as the patterned ones.
            let _ = write!(
                self.out,
                "<text class=\"t m\" x=\"{:.1}\" y=\"{:.1}\" pointer-events=\"none\">{}</text>",
                left + wide / 2.0,
                y + 12.0,
                escape(name)
            );
        }
        self.out.push_str("</g>");
    }

    /// Writes how a lane ended, behind the axis.
    fn end(&mut self, lane: &Lane, y: f64) {
        let Some((at, words)) = &lane.end else { return };
        let class = if lane.failed { "f" } else { "d" };
        let x = self.x(*at);
        let _ = write!(
            self.out,
            "<path class=\"k\" d=\"M{x:.1} {y}v{BAR}\"/><text class=\"{class}\" x=\"{}\" \
             y=\"{}\">{}<title>{} after {}</title></text>",
            NAMES + AXIS + 12.0,
            y + 12.0,
            fitted(words, ENDS - 16.0),
            escape(words),
            time(at - self.client.from)
        );
    }

    /// Draws the links from each attempt of a call to the next, under its bars.
    fn links(&mut self, lane: &Lane, y: f64) {
        let mut free = NAMES;
        for link in &lane.links {
            let (left, right) = (self.x(link.from), self.x(link.to));
            let why = escape(&link.why);
            let _ = write!(
                self.out,
                "<path class=\"k\" d=\"M{left:.1} {y}v6H{right:.1}v-4m-2.5 2l2.5-2.5 2.5 2.5\">\
                 <title>{why}</title></path>"
            );
            let wide = link.why.chars().count() as f64 * CHAR;
            if left + 4.0 >= free {
                let x = left.min(NAMES + AXIS + ENDS - wide - 4.0);
                let _ = write!(self.out, "<text x=\"{x:.1}\" y=\"{:.1}\">{why}</text>", y + 16.0);
                free = x + wide + 8.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::model::tests::model, *};

    #[test]
    fn text_of_a_trace_is_escaped() {
        assert_eq!(
            escape("<a href=\"x\" b='y'>&\u{1b}\n"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\u{fffd}\u{fffd}"
        );
        let svg =
            picture(&model("0.0 r0 < request GET http://a/<script>alert(1)</script>&\" (1 B)"));
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
    }

    #[test]
    fn every_phase_has_a_bar_that_differs_from_all_others_without_colour() {
        let mut looks: Vec<_> = Phase::ALL
            .map(|phase| {
                let mut out = String::new();
                bar(&mut out, (0.0, 0.0, 1.0), phase);
                let dashed = out.contains("dasharray");
                (tile(phase), fill(phase) == "none", dashed)
            })
            .into();
        looks.sort();
        looks.dedup();
        assert_eq!(looks.len(), Phase::ALL.len());
    }

    #[test]
    fn bars_of_a_row_do_not_overlap() {
        for trace in [
            include_str!("../../../../tests/golden/addresses.trace"),
            include_str!("../../../../tests/golden/redirect.trace"),
            include_str!("../../../../tests/golden/timeouts.trace"),
            include_str!("../../../../tests/golden/line.trace"),
        ] {
            let svg = picture(&model(trace));
            let mut bars: Vec<(f64, f64, f64)> = svg
                .split("<rect class=\"p\" ")
                .skip(11)
                .map(|rect| {
                    let number = |name: &str| -> f64 {
                        let (_, rest) = rect.split_once(&format!("{name}=\"")).unwrap();
                        rest.split('"').next().unwrap().parse().unwrap()
                    };
                    (number("y"), number("x"), number("width"))
                })
                .collect();
            bars.sort_by(|one, other| one.partial_cmp(other).unwrap());
            assert!(!bars.is_empty());
            for pair in bars.windows(2) {
                let (one, other) = (pair[0], pair[1]);
                assert!(one.0 != other.0 || one.1 + one.2 <= other.1 + 0.1, "{one:?} {other:?}");
                assert!(one.0 == other.0 || one.0 + BAR <= other.0, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_redirect_and_a_request_that_is_sent_again_are_links() {
        let svg = picture(&model(include_str!("../../../../tests/golden/redirect.trace")));
        assert!(svg.contains("<title>redirect 307</title>"), "{svg}");
    }
}
