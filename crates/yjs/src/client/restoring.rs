//! A client's structs taken back as they were, from its block of an encoding and its part of an outline.

use tandem_model::{ClientId, Clock};

use super::{CHUNK_BYTES, Chunk, Client, Place, PlaceKind};
use crate::content::Trust;
use crate::lib0::{MAX_INTEGER, Reader, write_var_uint};
use crate::runs::Runs;
use crate::structs::Struct;

/// A place is written as one number: so many times its depth, and its kind.
const KINDS: u64 = 3;

impl Client {
    /// Writes where its elements hang: first place, count { clock behind the former, place }.
    pub(crate) fn write_outline(&self, out: &mut Vec<u8>) {
        write_var_uint(out, number(self.first_place));
        write_var_uint(out, self.places.len() as u64);
        let mut former = 0;
        for (clock, place) in &self.places {
            write_var_uint(out, clock - former);
            write_var_uint(out, number(*place));
            former = *clock;
        }
    }

    /// Reads so many structs as [`write_since`](Self::write_since) writes them from nothing, and copies them.
    pub(crate) fn read_structs(id: ClientId, structs: u64, reader: &mut Reader<'_>) -> Option<Self> {
        let mut client = Self::new(id);
        let mut open = Open { position: reader.position(), ..Open::default() };
        for _ in 0..structs {
            let at = reader.position();
            if at - open.position >= CHUNK_BYTES {
                client.chunks.push(open.closed(reader));
                open = Open { position: at, start: client.end, ..Open::default() };
            }
            let body = Struct::read(reader, Trust::Foreign).ok()?;
            if matches!(body, Struct::Skip(_)) || body.refers_forward(id, client.end) {
                return None;
            }
            if body.holds_type() {
                client.types.push(client.end);
            }
            client.end = client.end.checked_add(body.len()).filter(|end| *end <= MAX_INTEGER)?;
            open.structs += 1;
            open.last_at = at - open.position;
        }
        client.chunks.push(open.closed(reader));
        client.chunks.shrink_to_fit();
        client.types.shrink_to_fit();
        client.tail = client.chunks.last().and_then(|chunk| chunk.runs.tail());
        (structs > 0).then_some(client)
    }

    /// Reads what [`write_outline`](Self::write_outline) wrote.
    pub(crate) fn read_outline(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        self.first_place = place(reader.var_uint().ok()?)?;
        let (mut clock, mut former) = (0, self.first_place);
        for _ in 0..reader.var_uint().ok()? {
            let behind = reader.var_uint().ok()?;
            clock += behind;
            let here = place(reader.var_uint().ok()?)?;
            if behind == 0 || clock >= self.end || here == former {
                return None;
            }
            self.places.push((clock, here));
            former = here;
        }
        self.places.shrink_to_fit();
        Some(())
    }
}

/// The chunk that is being read.
#[derive(Default)]
struct Open {
    /// Where its bytes start.
    position: usize,
    start: Clock,
    structs: u64,
    last_at: usize,
}

impl Open {
    /// The chunk, which ends where the reader stands.
    fn closed(&self, reader: &Reader<'_>) -> Chunk {
        Chunk { start: self.start, runs: Runs::copied(reader.since(self.position), self.structs, self.last_at) }
    }
}

fn number(place: Place) -> u64 {
    let kind = match place.kind {
        PlaceKind::Nowhere => 0,
        PlaceKind::Listed => 1,
        PlaceKind::Keyed => 2,
    };
    u64::from(place.depth) * KINDS + kind
}

fn place(number: u64) -> Option<Place> {
    let kind = match number % KINDS {
        0 => PlaceKind::Nowhere,
        1 => PlaceKind::Listed,
        _ => PlaceKind::Keyed,
    };
    Some(Place { depth: u16::try_from(number / KINDS).ok()?, kind })
}
