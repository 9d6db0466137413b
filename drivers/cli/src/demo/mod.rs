//! `httpool demo`: a server in here, real requests to it, and what the pool did with them.
//!
//! Each scene promises something, plays it with a client of its own while the [`narrate::Narrator`]
//! shows the machines' trace in words ([`story`]), and checks what it promised.

mod narrate;
mod origin;
mod scenes;
mod screen;
mod story;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use narrate::Narrator;
use origin::Origin;
use scenes::{SCENES, Stage};
use screen::{Screen, Style};

use crate::{
    exit::{Failed, Kind},
    units::Time,
};

/// Plays all scenes; an error if one did not go as it promised.
pub(crate) fn run() -> Result<(), Failed> {
    let start = Instant::now();
    let origin = Origin::start().map_err(|why| Failed::local("the demo's server", &why))?;
    let screen = Arc::new(Screen::new());
    let narrator = Arc::new(Narrator::new(screen.clone()));
    screen.line(&format!(
        "httpool at work: a server in this process, at {}, and a pool of connections to it.\n\
         Each line is an event or a decision, as it happens. With --trace you see them all.",
        origin.url("")
    ));
    let stage = Stage { origin, narrator };
    let mut broken = Vec::new();
    for (number, scene) in (1..).zip(&SCENES) {
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
    let (all, kept) = (SCENES.len(), SCENES.len() - broken.len());
    let time = Time(start.elapsed());
    screen.line(&format!("\n{kept} of {all} scenes went as promised, in {time}."));
    screen.check()?;
    if broken.is_empty() {
        return Ok(());
    }
    let which = format!("the demo did not keep its promise in scene {}", broken.join(", "));
    Err(Failed::new(Kind::Other, which))
}

/// What these locks guard is whole between any two statements: a panic elsewhere does not spoil it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
