//! A prover's secret randomness: numbered streams of one seed (ChaCha20, RFC 8439), so that nothing of it needs to be kept.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use p3_field::PrimeCharacteristicRing;
use tacit_algebra::{F, P, centred};
use zeroize::Zeroizing;

/// The seed is wiped when it is dropped.
#[derive(Clone)]
pub struct Randomness(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Randomness {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Randomness(..)")
    }
}

impl Randomness {
    pub fn new(seed: [u8; 32]) -> Self {
        Self(Zeroizing::new(seed))
    }

    /// Known to everybody: for what hides nothing.
    pub fn public() -> Self {
        Self::new([0; 32])
    }

    /// A fresh seed from the operating system.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn from_system() -> Result<Self, getrandom::Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut())?;
        Ok(Self(seed))
    }

    fn stream(&self, stream: u64) -> ChaCha20Rng {
        let mut generator = ChaCha20Rng::from_seed(*self.0);
        generator.set_stream(stream);
        generator
    }

    /// The bytes `4 first ..` of a stream.
    pub fn bytes(&self, stream: u64, first: u64, out: &mut [u8]) {
        let mut generator = self.stream(stream);
        generator.set_word_pos(u128::from(first));
        generator.fill_bytes(out);
    }

    /// Uniform field elements, as integers between -p/2 and p/2: words below p, the others rejected.
    pub fn cells(&self, stream: u64, count: usize) -> Vec<i64> {
        let mut generator = self.stream(stream);
        let words = std::iter::repeat_with(|| generator.next_u64());
        let mut cells = Vec::with_capacity(count);
        cells.extend(words.filter(|&word| word < P).take(count).map(|word| centred(F::from_u64(word))));
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_and_any_place_can_be_read() {
        let randomness = Randomness::new([7; 32]);
        let mut whole = [0; 4096];
        randomness.bytes(3, 0, &mut whole);
        for first in [0, 1, 16, 17, 500] {
            let mut part = [0; 60];
            randomness.bytes(3, first as u64, &mut part);
            assert_eq!(part, whole[4 * first..4 * first + 60]);
        }
        let mut other = [0; 4096];
        randomness.bytes(4, 0, &mut other);
        assert_ne!(whole, other);
        Randomness::new([8; 32]).bytes(3, 0, &mut other);
        assert_ne!(whole, other);
        assert_ne!(randomness.cells(3, 5), randomness.cells(4, 5));
        assert_eq!(randomness.cells(3, 5), randomness.cells(3, 9)[..5]);
        assert_eq!(format!("{randomness:?}"), "Randomness(..)");
    }

    #[test]
    fn the_system_gives_another_seed_each_time() {
        let draw = || Randomness::from_system().unwrap().cells(0, 4);
        assert_ne!(draw(), draw());
    }

    #[test]
    fn cells_are_uniform_over_the_field() {
        let cells = Randomness::new([1; 32]).cells(0, 100_000);
        let half = (P / 2) as i64;
        assert!(cells.iter().all(|&cell| (-half..=half).contains(&cell)));
        let mut counts = [0u32; 16];
        cells
            .iter()
            .for_each(|&cell| counts[((i128::from(cell) + i128::from(half)) * 16 / i128::from(P)) as usize] += 1);
        let expected = 100_000.0 / 16.0;
        let chi: f64 = counts.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
        assert!(chi < 45.0, "{chi}");
    }
}
