//! `httpool demo`: sends real requests to a server in this process, and shows the decisions of the
//! pool.
//!
//! Each scene states an expected behaviour, runs it with a client of its own, and checks it. The
//! [`narrate::Narrator`] prints the machines' trace meanwhile, translated into sentences
//! ([`story`]). The feature `demo-tls` adds the scene about TLS.

mod locked;
mod narrate;
mod origin;
mod scenes;
mod screen;
#[cfg(feature = "demo-tls")]
mod secure;
mod story;

use std::{sync::Arc, time::Instant};

use narrate::Narrator;
use origin::Origin;
use scenes::{SCENES, Scene, Stage};
use screen::{Screen, Style};

use crate::{
    exit::{Failed, Kind},
    units::Time,
};

/// Runs all scenes. Fails if one of them did not behave as stated. Prints only the trace of their
/// clients, one after the other, if `trace` is set.
pub(crate) fn run(trace: bool) -> Result<(), Failed> {
    let start = Instant::now();
    let origin = Origin::start().map_err(|why| Failed::system("the demo's server", &why))?;
    let screen = Arc::new(Screen::new(trace));
    let narrator = Arc::new(Narrator::new(screen.clone()));
    screen.line(&format!(
        "This demo sends requests to a server in this process, at {}, over a pool of connections.\n\
         Each line is an event or a decision, printed as it happens. --events prints all of them.",
        origin.url("")
    ));
    let stage = Stage { origin, narrator };
    let mut broken = Vec::new();
    let scenes = scenes();
    for (number, scene) in (1..).zip(&scenes) {
        screen.line("");
        screen.line(&screen.paint(Style::Title, &format!("{number}  {}", scene.title)));
        screen.line(&format!("   {}\n", scene.promise));
        stage.narrator.begin_scene();
        match (scene.play)(&stage) {
            Ok(result) => {
                screen.line(&format!("\n   {} {result}", screen.paint(Style::Good, "ok:")));
            }
            Err(why) => {
                screen.line(&format!("\n   {} {why}", screen.paint(Style::Bad, "broken:")));
                broken.push(number.to_string());
            }
        }
        screen.check()?;
    }
    let (all, kept) = (scenes.len(), scenes.len() - broken.len());
    let time = Time(start.elapsed());
    screen.line(&format!("\n{kept} of {all} scenes went as promised, in {time}."));
    screen.check()?;
    if broken.is_empty() {
        return Ok(());
    }
    let which = format!("scenes of the demo that did not go as promised: {}", broken.join(", "));
    Err(Failed::new(Kind::Other, which))
}

fn scenes() -> Vec<&'static Scene> {
    let scenes = SCENES.iter();
    #[cfg(feature = "demo-tls")]
    let scenes = scenes.chain([&secure::SCENE]);
    scenes.collect()
}
