//! Sockets an address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts sockets by address, those that did not authenticate yet apart.
#[derive(Clone, Debug)]
pub struct Places {
    shared: Arc<Mutex<HashMap<IpAddr, Count>>>,
    total_max: u64,
    unauthenticated_max: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    total: u64,
    unauthenticated: u64,
}

/// One socket's place; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    places: Places,
    address: IpAddr,
    authenticated: bool,
}

impl Places {
    /// Allows each address `total_max` sockets, of which `unauthenticated_max` unauthenticated ones.
    #[must_use]
    pub fn new(total_max: u64, unauthenticated_max: u64) -> Self {
        Self { shared: Arc::default(), total_max, unauthenticated_max }
    }

    /// Takes a place for a new, unauthenticated socket; `None` if the address has no more.
    #[must_use]
    pub fn take(&self, address: IpAddr) -> Option<Place> {
        let mut counts = self.lock();
        let count = counts.entry(address).or_default();
        if count.total >= self.total_max || count.unauthenticated >= self.unauthenticated_max {
            return None;
        }
        count.total += 1;
        count.unauthenticated += 1;
        Some(Place { places: self.clone(), address, authenticated: false })
    }

    /// How many addresses have sockets.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Count>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Notes that the socket authenticated; it no longer counts among the strangers.
    pub fn authenticated(&mut self) {
        if !std::mem::replace(&mut self.authenticated, true)
            && let Some(count) = self.places.lock().get_mut(&self.address)
        {
            count.unauthenticated -= 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.places.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            count.total -= 1;
            count.unauthenticated -= u64::from(!self.authenticated);
            if count.total == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let places = Places::new(3, 2);
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let mut first = places.take(address).expect("the first");
        let second = places.take(address).expect("the second");
        assert!(places.take(address).is_none(), "two strangers are the limit");
        first.authenticated();
        let third = places.take(address).expect("the third");
        assert!(places.take(address).is_none(), "three sockets are the limit");
        drop((first, second, third));
        assert_eq!(places.addresses(), 0);
    }
}
