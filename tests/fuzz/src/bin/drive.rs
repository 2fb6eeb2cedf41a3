//! Fuzzes one target on the stable toolchain: mutations of its seeds, from a seed, for a time. It is blind: it does not
//! see which code an input reaches. `guided` does.

#![forbid(unsafe_code)]

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem_fuzz::mutate::{self, Random};
use tandem_fuzz::{TARGETS, Target, corpus, target};

/// An input that takes longer than this is a finding.
const INPUT_SECONDS_MAX: u64 = 10;

const USAGE: &str = "\
usage: drive --target NAME [--seconds N] [--seed N]
       drive --target NAME --input HEX
       drive --target NAME --export FOLDER

  --seconds N       fuzzes for so long (60)
  --seed N          gives the same inputs again (0)
  --input HEX       runs one input
  --export FOLDER   writes the seeds as files, for the guided runner";

struct Options {
    target: Target,
    seconds: u64,
    seed: u64,
    input: Option<Vec<u8>>,
    export: Option<String>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            eprintln!("{problem}\n{USAGE}\ntargets: {}", names.join(", "));
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut name, mut seconds, mut seed, mut input, mut export) = (None, 60, 0, None, None);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} takes a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{word} takes a number"));
        match word.as_str() {
            "--target" => name = Some(value),
            "--seconds" => seconds = number()?,
            "--seed" => seed = number()?,
            "--input" => input = Some(corpus::parse(&value)?.concat()),
            "--export" => export = Some(value),
            _ => return Err(format!("{word} is not known")),
        }
    }
    let name = name.ok_or("--target is missing")?;
    let target = target(&name).ok_or_else(|| format!("{name} is no target"))?;
    Ok(Options { target, seconds, seed, input, export })
}

fn run(options: &Options) -> Result<(), String> {
    if let Some(input) = &options.input {
        (options.target.run)(input);
        return Ok(());
    }
    let seeds = corpus::parse(options.target.seeds)?;
    match &options.export {
        Some(folder) => export(&seeds, folder).map_err(|error| format!("{folder}: {error}")),
        None => fuzz(options, &seeds),
    }
}

fn export(seeds: &[Vec<u8>], folder: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::File::create(format!("{folder}/seed-{number:04}"))?.write_all(seed)?;
    }
    Ok(())
}

fn fuzz(options: &Options, seeds: &[Vec<u8>]) -> Result<(), String> {
    let Options { target, seconds, seed, .. } = options;
    let watched = Watched::begin();
    let mut random = Random::new(*seed);
    let (begun, mut inputs) = (Instant::now(), 0_u64);
    let mut try_one = |input: Vec<u8>| {
        let input = watched.next(input);
        if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
            let input = corpus::hex(&input);
            return Err(format!("{}, seed {seed}, after {inputs} inputs: --input {input}", target.name));
        }
        inputs += 1;
        Ok(())
    };
    // First the seeds as they are: what was found once is among them.
    seeds.iter().cloned().try_for_each(&mut try_one)?;
    while begun.elapsed() < Duration::from_secs(*seconds) {
        // The clock is asked once in a while: most inputs take less time than that.
        (0..256).try_for_each(|_| try_one(mutate::next(seeds, &mut random)))?;
    }
    println!("{}: {inputs} inputs in {} s, seed {seed}: no finding", target.name, begun.elapsed().as_secs());
    Ok(())
}

/// The input under way, watched by a thread that ends the process when one takes too long.
struct Watched(Arc<Mutex<(Instant, Arc<[u8]>)>>);

impl Watched {
    fn begin() -> Self {
        let now: Arc<Mutex<(Instant, Arc<[u8]>)>> = Arc::new(Mutex::new((Instant::now(), Arc::from([]))));
        let watched = Arc::clone(&now);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_secs(1));
                let (since, input) = watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if since.elapsed() > Duration::from_secs(INPUT_SECONDS_MAX) {
                    eprintln!("an input takes more than {INPUT_SECONDS_MAX} s: --input {}", corpus::hex(&input));
                    std::process::exit(1);
                }
            }
        });
        Self(now)
    }

    fn next(&self, input: Vec<u8>) -> Arc<[u8]> {
        let input: Arc<[u8]> = input.into();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), Arc::clone(&input));
        input
    }
}
