//! For tests of cheating provers (feature `tamper`, never part of a product build): a hook at every step of the transcript.
//!
//! While [`with`] runs, its hook sees every step that this thread's transcripts take, and may alter it before it counts. The
//! prover goes on honestly with challenges that follow from the altered transcript.

use std::cell::RefCell;

use tacit_algebra::{K, from_bytes, to_bytes};

/// How a step takes part in the transcript; the letters of `docs/transcript.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// a: absorbed, known to the verifier.
    Absorbed,
    /// s: absorbed and written to the proof.
    Sent,
    /// d: a challenge, 24 bytes.
    Drawn,
    /// q: positions, ascending u64 words.
    Positions,
    /// x: written to the proof, not absorbed.
    Attached,
}

/// Given how, label, and the number of earlier steps of the same kind and label; may alter the bytes.
pub type Hook = Box<dyn FnMut(How, &str, usize, &mut Vec<u8>)>;

struct Installed {
    hook: Hook,
    seen: Vec<(How, String)>,
}

thread_local! {
    static INSTALLED: RefCell<Option<Installed>> = const { RefCell::new(None) };
}

/// Runs `prover` under the hook. A hook must not touch a transcript.
pub fn with<T>(hook: impl FnMut(How, &str, usize, &mut Vec<u8>) + 'static, prover: impl FnOnce() -> T) -> T {
    INSTALLED.set(Some(Installed { hook: Box::new(hook), seen: Vec::new() }));
    let result = prover();
    INSTALLED.set(None);
    result
}

/// The step as the hook leaves it.
pub(crate) fn step(how: How, label: &str, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    INSTALLED.with_borrow_mut(|installed| {
        if let Some(Installed { hook, seen }) = installed {
            let earlier = seen.iter().filter(|(h, l)| *h == how && l == label).count();
            hook(how, label, earlier, &mut bytes);
            seen.push((how, label.to_string()));
        }
    });
    bytes
}

/// A challenge as the prover takes it; one that is not canonical stays as it was.
pub(crate) fn challenge(label: &str, drawn: K) -> K {
    let bytes = step(How::Drawn, label, &to_bytes(drawn));
    bytes.try_into().ok().and_then(from_bytes).unwrap_or(drawn)
}

/// Positions as the prover takes them.
pub(crate) fn positions(label: &str, found: Vec<u64>) -> Vec<u64> {
    let bytes: Vec<u8> = found.iter().flat_map(|position| position.to_le_bytes()).collect();
    step(How::Positions, label, &bytes).as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
}
