//! Answers questions about the index over standard input and output, for tests in other languages.
//!
//! A message is its length (four bytes, little endian) and its bytes; every question has one answer. The first byte
//! says what is asked; the rest is in lib0's encoding:
//!
//! - `0`, collect (0 or 1), bytes, clients, structs: starts a new index with these limits. Answers nothing.
//! - `1`, n, n × buf: admits updates. Answers n × (name of the refusal or "", taken buf, flags, missing, refused, cause).
//! - `2`, buf: a state vector. Answers the difference.
//! - `3`: answers the whole encoding.
//! - `4`, n, n × buf: merges. Answers (name of the refusal or "", buf).
//! - `5`: answers the state vector.
//! - `6`, buf: answers 1 when the index holds the update, else 0 (also when it is refused).
//! - `7`, n, n × buf: admits updates for their time only. Answers microseconds, then bytes, structs and clients held.
//! - `8`, n: takes the difference from nothing n times. Answers nanoseconds a difference, and its bytes.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tandem_yjs::lib0::{Reader, write_buf, write_var_string, write_var_uint};
use tandem_yjs::{Admission, Collect, Id, Index, IndexLimits, StateVector, Update, Verdict, merge};

static STARTED: OnceLock<Instant> = OnceLock::new();

fn main() -> io::Result<()> {
    let (mut input, mut output) = (BufReader::new(io::stdin().lock()), BufWriter::new(io::stdout().lock()));
    let mut index = Index::new(Collect::Collected, IndexLimits::NONE);
    let (mut length, mut question) = ([0; 4], Vec::new());
    while input.read_exact(&mut length).is_ok() {
        question.resize(u32::from_le_bytes(length) as usize, 0);
        input.read_exact(&mut question)?;
        let answer = answer(&mut index, &question).map_err(io::Error::other)?;
        let length = u32::try_from(answer.len()).map_err(io::Error::other)?;
        output.write_all(&length.to_le_bytes())?;
        output.write_all(&answer)?;
        output.flush()?;
    }
    Ok(())
}

fn answer(index: &mut Index, question: &[u8]) -> Result<Vec<u8>, tandem_yjs::DecodeError> {
    let mut reader = Reader::new(question);
    let mut out = Vec::new();
    match reader.u8()? {
        0 => {
            let collect = if reader.u8()? == 1 { Collect::Collected } else { Collect::Kept };
            let (bytes, clients, structs) = (reader.var_uint()?, reader.var_uint()?, reader.var_uint()?);
            let limits = IndexLimits { bytes, clients, structs, ..IndexLimits::NONE };
            *index = Index::new(collect, limits);
        }
        1 => {
            for update in read_all(&mut reader)? {
                admit(index, update, &mut out);
            }
            index.check_invariants();
        }
        2 => out = index.difference(&StateVector::decode(reader.buf()?)?),
        3 => out = index.encode(),
        4 => match merge(&read_all(&mut reader)?) {
            Ok(merged) => {
                write_var_string(&mut out, "");
                write_buf(&mut out, &merged);
            }
            Err(refusal) => {
                write_var_string(&mut out, refusal.name());
                write_buf(&mut out, &[]);
            }
        },
        5 => out = index.state_vector().encode(),
        6 => out.push(u8::from(Update::decode(reader.buf()?).is_ok_and(|update| index.holds(&update)))),
        7 => {
            let updates = read_all(&mut reader)?;
            let start = busy_nanos();
            for update in &updates {
                if let Ok(update) = Update::decode(update) {
                    index.admit(&update, &mut |_| Verdict::Take);
                }
            }
            let micros = (busy_nanos() - start) / 1000;
            for number in [micros, index.bytes(), index.structs(), index.clients()] {
                write_var_uint(&mut out, number);
            }
        }
        8 => {
            let times = reader.var_uint()?.max(1);
            // Too short for what the system counts: the clock on the wall.
            let start = Instant::now();
            let bytes: usize = (0..times).map(|_| index.encode().len()).sum();
            let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            write_var_uint(&mut out, nanos / times);
            write_var_uint(&mut out, bytes as u64 / times);
        }
        _ => {}
    }
    Ok(out)
}

/// The time for which this thread had a processor, where the system says so: a busy machine does not count.
fn busy_nanos() -> u64 {
    // It is added up when the thread lets go of its processor, else only with the next tick.
    std::thread::sleep(Duration::from_nanos(1));
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    said.and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| u64::try_from(STARTED.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX))
}

fn read_all<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a [u8]>, tandem_yjs::DecodeError> {
    (0..reader.var_uint()?).map(|_| reader.buf()).collect()
}

fn admit(index: &mut Index, bytes: &[u8], out: &mut Vec<u8>) {
    let (refusal, admission) = match Update::decode(bytes) {
        Ok(update) => ("", index.admit(&update, &mut |_| Verdict::Take)),
        Err(refusal) => (refusal.name(), Admission::default()),
    };
    write_var_string(out, refusal);
    write_buf(out, admission.taken.as_deref().unwrap_or_default());
    let flags = [admission.new_structs, admission.new_deletions, admission.full];
    out.push(flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(*flag)));
    write_var_string(out, &shown(admission.missing));
    write_var_string(out, &shown(admission.refused));
    write_var_string(out, admission.cause.map_or("", |cause| cause.name()));
}

fn shown(id: Option<Id>) -> String {
    id.map_or(String::new(), |id| id.to_string())
}
