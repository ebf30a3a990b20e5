//! The installed bundles.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::store::bundle_id::BundleId;
use crate::store::records::BundleRecord;
use crate::store::storage::json::{FromJson, Object, within};

/// Records sorted by id, one for each id. A device has a few dozen: a linear list costs less time and code than a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::store) struct Bundles(Vec<BundleRecord>);

impl Bundles {
    pub(in crate::store) fn get(&self, id: &BundleId) -> Option<&BundleRecord> {
        self.place(id).ok().map(|place| &self.0[place])
    }

    pub(in crate::store) fn get_mut(&mut self, id: &BundleId) -> Option<&mut BundleRecord> {
        self.place(id).ok().map(|place| &mut self.0[place])
    }

    pub(in crate::store) fn contains_key(&self, id: &BundleId) -> bool {
        self.place(id).is_ok()
    }

    /// Inserts a record, or replaces the one with the same id.
    pub(in crate::store) fn insert(&mut self, record: BundleRecord) {
        match self.place(&record.id) {
            Ok(place) => self.0[place] = record,
            Err(place) => self.0.insert(place, record),
        }
    }

    pub(in crate::store) fn remove(&mut self, id: &BundleId) -> Option<BundleRecord> {
        self.place(id).ok().map(|place| self.0.remove(place))
    }

    pub(in crate::store) fn retain(&mut self, keep: impl FnMut(&BundleRecord) -> bool) {
        self.0.retain(keep);
    }

    pub(in crate::store) fn clear(&mut self) {
        self.0.clear();
    }

    pub(in crate::store) fn values(&self) -> std::slice::Iter<'_, BundleRecord> {
        self.0.iter()
    }

    pub(in crate::store) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(test)]
    pub(in crate::store) fn keys(&self) -> impl Iterator<Item = &BundleId> {
        self.0.iter().map(|record| &record.id)
    }

    fn place(&self, id: &BundleId) -> Result<usize, usize> {
        self.0.binary_search_by(|record| record.id.cmp(id))
    }
}

#[cfg(test)]
impl FromIterator<BundleRecord> for Bundles {
    fn from_iter<I: IntoIterator<Item = BundleRecord>>(records: I) -> Self {
        let mut bundles = Self::default();
        records.into_iter().for_each(|record| bundles.insert(record));
        bundles
    }
}

/// An object with one member for each bundle, named by its id.
impl Serialize for Bundles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|record| (&record.id, record)))
    }
}

impl FromJson for Bundles {
    fn from_json(value: &Value) -> Result<Self, String> {
        let mut bundles = Self::default();
        for (id, value) in Object::of(value)?.members() {
            let record = BundleRecord::from_json(value).map_err(|problem| within(id, &problem))?;
            if record.id.as_str() != id {
                return Err(within(id, "expected the record of this bundle, found another one"));
            }
            bundles.insert(record);
        }
        Ok(bundles)
    }
}

#[cfg(test)]
mod tests;
