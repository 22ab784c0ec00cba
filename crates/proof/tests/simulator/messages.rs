//! The simulator of everything before the opening: the verifier itself, which is given uniform elements for messages.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use tacit_algebra::K;
use tacit_transcript::{Invalid, Reading, Sender, Transcript};

use super::oracle::element;

/// Sends what a verifier asks for.
pub struct Uniform {
    pub sender: Sender,
    random: SmallRng,
}

impl Uniform {
    pub fn new(transcript: Transcript, seed: u64) -> Self {
        Self { sender: Sender::new(transcript), random: SmallRng::seed_from_u64(seed) }
    }
}

impl Reading for Uniform {
    type Value = K;

    fn receive(&mut self, label: &'static str) -> Result<K, Invalid> {
        let message = element(&mut self.random);
        self.sender.disclose(label, message);
        Ok(message)
    }

    fn draw(&mut self, label: &'static str) -> K {
        self.sender.draw(label)
    }

    fn multiply(&mut self, a: &K, b: &K) -> K {
        *a * *b
    }

    fn require_zero(&mut self, _: K, _: &'static str) -> Result<(), Invalid> {
        Err(Invalid::Check("nothing is checked of what is hidden"))
    }
}
