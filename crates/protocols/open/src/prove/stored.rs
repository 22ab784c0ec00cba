//! A codeword in a file: the rows that an opening shows are read there, in place of being encoded again.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;
use tacit_algebra::F;
use tacit_transcript::merkle::row_bytes;

/// Bytes of an element.
pub(super) const ELEMENT: usize = 8;
/// Elements that one task makes bytes of.
const STRIP: usize = 1 << 15;
/// Elements whose bytes are held before they are written.
const WRITTEN: usize = 1 << 22;

/// Elements one behind the other, each its canonical integer, little-endian.
#[derive(Debug)]
pub(super) struct Stored(Mutex<File>);

impl Stored {
    pub(super) fn new(file: File) -> Self {
        Self(Mutex::new(file))
    }

    /// Elements that the file has room for.
    pub(super) fn len(&self) -> Result<u64> {
        Ok(self.file().metadata()?.len() / ELEMENT as u64)
    }

    /// Writes elements, the first of which is the file's element `first`.
    pub(super) fn write(&self, first: usize, elements: &[F]) -> Result<()> {
        let mut bytes = vec![0; elements.len().min(WRITTEN) * ELEMENT];
        let mut file = self.file();
        file.seek(SeekFrom::Start((first * ELEMENT) as u64))?;
        for elements in elements.chunks(WRITTEN) {
            let bytes = &mut bytes[..elements.len() * ELEMENT];
            let parts = bytes.par_chunks_mut(STRIP * ELEMENT).zip(elements.par_chunks(STRIP));
            parts.for_each(|(bytes, elements)| {
                bytes.iter_mut().zip(row_bytes(elements)).for_each(|(to, byte)| *to = byte)
            });
            file.write_all(bytes)?;
        }
        Ok(())
    }

    /// Reads elements from the file's element `first` on. What they are, a digest has to tell.
    pub(super) fn read(&self, first: usize, elements: &mut [F]) -> Result<()> {
        let mut bytes = vec![0; elements.len() * ELEMENT];
        let mut file = self.file();
        file.seek(SeekFrom::Start((first * ELEMENT) as u64))?;
        file.read_exact(&mut bytes)?;
        let words = bytes.as_chunks::<ELEMENT>().0;
        elements.iter_mut().zip(words).for_each(|(element, &word)| *element = F::from_u64(u64::from_le_bytes(word)));
        Ok(())
    }

    /// Waits until the disk has what was written.
    pub(super) fn sync(&self) -> Result<()> {
        self.file().sync_all()
    }

    fn file(&self) -> std::sync::MutexGuard<'_, File> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
