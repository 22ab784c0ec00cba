//! Cursors over the formats of `docs/circuit.md`: little-endian, fixed width, no padding.

/// Why bytes or data are no circuit: a sentence that names the column or the relation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CircuitError(pub String);

impl CircuitError {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Appends to a buffer.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn u8(&mut self, value: u8) {
        self.raw(&[value]);
    }

    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    pub fn i32(&mut self, value: i32) {
        self.raw(&value.to_le_bytes());
    }

    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_le_bytes());
    }

    /// The u32 in front of a list, a string or bytes. Lists of 2^32 items or more do not exist in valid circuits.
    pub fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// u32 length and the bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.raw(bytes);
    }

    /// u32 length and UTF-8.
    pub fn string(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads from the front of a slice; every method fails at the end instead of panicking.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub fn raw(&mut self, count: usize) -> Result<&'a [u8], CircuitError> {
        let (bytes, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| CircuitError::new("the bytes end early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], CircuitError> {
        self.raw(N)?.try_into().map_err(|_| CircuitError::new("the bytes end early"))
    }

    pub fn u8(&mut self) -> Result<u8, CircuitError> {
        self.array().map(u8::from_le_bytes)
    }

    pub fn u16(&mut self) -> Result<u16, CircuitError> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, CircuitError> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, CircuitError> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn i32(&mut self) -> Result<i32, CircuitError> {
        self.array().map(i32::from_le_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, CircuitError> {
        self.array().map(i64::from_le_bytes)
    }

    /// The length of a list whose items take at least `smallest` bytes each: never more than what is left can hold.
    pub fn count(&mut self, smallest: usize) -> Result<usize, CircuitError> {
        let count = self.u32()? as usize;
        if count.checked_mul(smallest.max(1)).is_none_or(|bytes| bytes > self.rest.len()) {
            return Err(CircuitError::new("a list is longer than the bytes that follow"));
        }
        Ok(count)
    }

    /// `count` items, read one after another.
    pub fn list<T>(
        &mut self,
        smallest: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, CircuitError>,
    ) -> Result<Vec<T>, CircuitError> {
        let count = self.count(smallest)?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], CircuitError> {
        let count = self.count(1)?;
        self.raw(count)
    }

    pub fn string(&mut self) -> Result<String, CircuitError> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes.to_vec()).map_err(|_| CircuitError::new("a name is not UTF-8"))
    }

    /// Demands that nothing is left.
    pub fn finish(self) -> Result<(), CircuitError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CircuitError::new("bytes follow the end")) }
    }
}
