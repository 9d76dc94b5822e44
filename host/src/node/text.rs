//! Wide integers in JSON: as strings, because beyond 2^53 not every reader's numbers are exact.

/// An optional u64.
pub mod option {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes it as a string, or null.
    pub fn serialize<S: Serializer>(value: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
