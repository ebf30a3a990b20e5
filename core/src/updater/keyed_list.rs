//! A map of a handful of entries.
//!
//! Each type of tree is 3 kB of a phone's library, a list is a loop.

/// Values by key, in no order.
#[derive(Debug)]
pub(super) struct KeyedList<K, V>(Vec<(K, V)>);

impl<K: Copy + PartialEq, V> KeyedList<K, V> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a value in the place of one with the same key.
    pub(super) fn insert(&mut self, key: K, value: V) {
        drop(self.remove(key));
        self.0.push((key, value));
    }

    pub(super) fn remove(&mut self, key: K) -> Option<V> {
        let place = self.0.iter().position(|(found, _)| *found == key)?;
        Some(self.0.swap_remove(place).1)
    }

    pub(super) fn get(&self, key: K) -> Option<&V> {
        self.iter().find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::KeyedList;

    #[test]
    fn a_key_has_its_last_value_until_it_is_removed() {
        let mut list = KeyedList::new();
        for (key, value) in [(1, 'a'), (2, 'b'), (1, 'c')] {
            list.insert(key, value);
        }
        assert_eq!((list.get(1), list.get(2), list.get(3)), (Some(&'c'), Some(&'b'), None));
        assert_eq!((list.remove(1), list.remove(1)), (Some('c'), None));
        assert_eq!(list.iter().count(), 1);
    }
}
