//! Runs worlds from seeds.

use httpool_sim::world::{Coverage, Plan, run};

fn main() {
    let mut args = std::env::args().skip(1);
    let seed: u64 = args.next().and_then(|it| it.parse().ok()).unwrap_or(1);
    let worlds: u64 = args.next().and_then(|it| it.parse().ok()).unwrap_or(1000);
    if worlds == 0 {
        let (result, lines) = httpool_sim::world::trace(&Plan::from_seed(seed));
        for line in lines {
            println!("{line}");
        }
        println!("{:#?}", Plan::from_seed(seed));
        println!("{result:?}");
        return;
    }
    let mut coverage = Coverage::default();
    let start = std::time::Instant::now();
    let mut bad = 0;
    for n in 0..worlds {
        match run(&Plan::from_seed(seed + n)) {
            Ok(report) => report.count(&mut coverage),
            Err(why) => {
                println!("{}: {why}", seed + n);
                bad += 1;
                if bad > 20 {
                    break;
                }
            }
        }
    }
    println!("{:?}", start.elapsed());
    for (words, count) in coverage.table() {
        println!("{count:8} {words}");
    }
    println!("{} worlds {} calls {} steps", coverage.worlds(), coverage.calls(), coverage.steps());
}
