//! `httpool timeline TRACE`: draws the calls and connections of a trace over time.
//!
//! The trace is the output of `--events`, a recording of `--record`, or the lines of any other
//! program whose machines are traced. The [`model`] is built line by line in bounded memory, and
//! drawn by [`svg`].

mod line;
mod model;
mod scale;
mod svg;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write, stdin, stdout},
    path::{Path, PathBuf},
};

use lexopt::{Arg, Parser, ValueExt};
use model::Model;

use crate::exit::{Failed, Kind, usage, wrong};

/// The options of the command.
#[derive(Debug, PartialEq)]
pub(crate) struct Timeline {
    /// `-` is standard input.
    trace: PathBuf,
    /// `None` and `-` are standard output.
    output: Option<PathBuf>,
}

impl Timeline {
    /// Parses the arguments behind the command.
    pub(crate) fn parse(parser: &mut Parser) -> Result<Self, Failed> {
        let (mut trace, mut output) = (None, None);
        while let Some(arg) = parser.next().map_err(usage)? {
            match arg {
                Arg::Short('o') | Arg::Long("output") => {
                    output = Some(PathBuf::from(parser.value().map_err(usage)?));
                }
                Arg::Value(path) if trace.is_none() => trace = Some(PathBuf::from(path)),
                Arg::Value(word) => {
                    let word = word.string().map_err(usage)?;
                    return Err(wrong(format!("unexpected argument {word:?}")));
                }
                Arg::Short(_) | Arg::Long(_) => return Err(usage(arg.unexpected())),
            }
        }
        let trace = trace.ok_or_else(|| wrong("timeline needs a TRACE"))?;
        Ok(Self { trace, output: output.filter(|path| path != Path::new("-")) })
    }

    /// Draws the trace. The output is SVG if its name ends so, and otherwise HTML.
    pub(crate) fn run(&self) -> Result<(), Failed> {
        let model = if self.trace == Path::new("-") {
            read(stdin().lock())
        } else {
            File::open(&self.trace).and_then(|file| read(BufReader::new(file)))
        };
        let model = model.map_err(|why| Failed::reading_file(self.trace.display(), &why))?;
        if model.lines == 0 {
            let what = format!("{}: there is no line of a trace in it", self.trace.display());
            return Err(Failed::new(Kind::Replay, what).hint(
                "httpool get --events URL 2> FILE writes a trace, --record FILE a recording",
            ));
        }
        match &self.output {
            Some(path) => {
                let is_svg = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("svg"));
                let text = if is_svg { svg::picture(&model) + "\n" } else { page(&model) };
                std::fs::write(path, text).map_err(|why| Failed::local(path.display(), &why))
            }
            None => {
                let mut out = stdout().lock();
                let written = out.write_all(page(&model).as_bytes()).and_then(|()| out.flush());
                written.map_err(Failed::stdout)
            }
        }
    }
}

fn read(input: impl BufRead) -> io::Result<Model> {
    let mut model = Model::default();
    line::each_line(input, |line| model.read(line))?;
    Ok(model)
}

/// Returns a page that needs no other file. A narrow window scrolls sideways.
fn page(model: &Model) -> String {
    let omitted = match model.clients_omitted {
        0 => String::new(),
        _ => "<p>The trace has more clients than are shown.</p>".to_owned(),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>httpool timeline</title>\n\
         <style>body{{margin:1rem;font:14px system-ui,sans-serif;background:#fff;color:#1b1f24}}\
         div{{overflow-x:auto}}svg{{width:100%;min-width:60rem;display:block}}\
         @media(prefers-color-scheme:dark){{body{{background:#0d1117;color:#e6edf3}}}}</style>\n\
         <h1>Timeline</h1>\n<div>{}</div>\n{omitted}</html>\n",
        svg::picture(model)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_made_of_the_lines_alone_and_needs_no_other_file() {
        let trace = include_str!("../../../../tests/golden/redirect.trace");
        let make = || page(&read(trace.as_bytes()).unwrap());
        let html = make();
        assert_eq!(html, make());
        for outside in ["src=", "href=", "url(http", "@import", "<script"] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert!(html.contains("prefers-color-scheme:dark"));
        assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
    }

    #[test]
    fn the_arguments_are_a_trace_and_where_to_write() {
        let parse = |line: &str| Timeline::parse(&mut Parser::from_args(line.split_whitespace()));
        let expected = Timeline { trace: "a".into(), output: Some("b".into()) };
        assert_eq!(parse("a -o b").unwrap(), expected);
        assert_eq!(parse("--output=b a").unwrap(), expected);
        assert_eq!(parse("- -o -").unwrap(), Timeline { trace: "-".into(), output: None });
        for wrong in ["", "a b", "a -i", "a -o"] {
            assert_eq!(parse(wrong).unwrap_err().kind, Kind::Usage, "{wrong}");
        }
    }
}
