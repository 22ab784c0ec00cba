//! Edits of a valid receipt, on its fields and on its bytes, that the fuzzer composes: none but the empty edit is accepted.

use tacit_algebra::P;
use tacit_proof::Receipt;

use super::vectors;

/// The fuzzer's bytes, read as numbers.
struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// A number below `bound`, 0 when there is none.
    fn below(&mut self, bound: usize) -> Option<usize> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number) as usize % bound.max(1))
    }

    /// At most 255 bytes, fewer at the end.
    fn some(&mut self) -> Option<&'a [u8]> {
        let count = usize::from(self.byte()?).min(self.0.len());
        let (bytes, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(bytes)
    }
}

/// Edits one of the golden receipts and asks its key.
pub fn edited(bytes: &[u8]) {
    let mut source = Source(bytes);
    let Some(choice) = source.byte() else {
        return;
    };
    let models = vectors::models();
    let model = &models[usize::from(choice >> 1) % models.len()];
    let [original, other] = if choice & 1 == 0 {
        model.receipts
    } else {
        let [first, second] = model.receipts;
        [second, first]
    };
    let decode = |bytes| Receipt::decode(bytes).unwrap_or_else(|error| panic!("{}: {error}", model.name));
    let (mut receipt, second) = (decode(original), decode(other));
    let context = receipt.context.clone();
    let steps = usize::from(source.byte().unwrap_or(0) % 4);
    for _ in 0..steps {
        if edit_fields(&mut receipt, &second, &mut source).is_none() {
            break;
        }
    }
    let mut encoded = receipt.encode();
    while edit_bytes(&mut encoded, other, &mut source).is_some() {}
    let accepted = Receipt::decode(&encoded).is_ok_and(|receipt| model.key.verify(&receipt, &context).is_ok());
    let golden = encoded == original || encoded == other && second.context == context;
    assert!(accepted == golden, "{}: accepted {accepted}, golden {golden}", model.name);
}

/// One edit of the decoded receipt, whose lengths the encoder then writes right; `None` when the source is empty.
fn edit_fields(receipt: &mut Receipt, other: &Receipt, source: &mut Source<'_>) -> Option<()> {
    match source.byte()? % 12 {
        0 => set_word(&mut receipt.proof, source)?,
        1 => swap(&mut receipt.proof, 24, source)?,
        2 => swap(&mut receipt.proof, 32, source)?,
        3 => {
            let start = source.below(receipt.proof.len())?;
            let stop = (start + source.below(256)?).min(receipt.proof.len());
            receipt.proof.splice(start..stop, source.some()?.iter().copied());
        }
        4 => {
            let start = source.below(receipt.proof.len().min(other.proof.len()))?;
            let stop = (start + source.below(1 << 16)?).min(receipt.proof.len()).min(other.proof.len());
            receipt.proof[start..stop].copy_from_slice(&other.proof[start..stop]);
        }
        5 => {
            let which = source.below(receipt.publics.len())?;
            if let Some(public) = receipt.publics.get_mut(which) {
                let at = source.below(public.len())?;
                let change = source.byte()?;
                public.iter_mut().skip(at).take(1).for_each(|byte| *byte = byte.wrapping_add(change));
            }
        }
        6 => match source.byte()? % 4 {
            0 => receipt.publics.push(source.some()?.to_vec()),
            1 => drop(receipt.publics.pop()),
            2 => receipt.publics.reverse(),
            _ => receipt.publics.clone_from(&other.publics),
        },
        7 => receipt.context = source.some()?.to_vec(),
        8 => match source.byte()? % 3 {
            0 => receipt.witness_root = other.witness_root,
            1 => receipt.weights_root = other.witness_root,
            _ => receipt.circuit_digest = other.witness_root,
        },
        9 => {
            let length = source.below(receipt.proof.len() + 1)?;
            receipt.proof.resize(length, 0);
        }
        10 => edit_named(receipt, other, source)?,
        _ => match source.byte()? % 3 {
            0 => receipt.hidden = None,
            1 => receipt.hidden.clone_from(&other.hidden),
            _ => {
                let set = receipt.hidden.as_mut()?;
                let which = source.below(set.publics.len() + 1)?;
                let part = set.publics.get_mut(which).unwrap_or(&mut set.weights);
                *part = !*part;
            }
        },
    }
    Some(())
}

/// Edits what the receipt says of the commitments of single tensors.
fn edit_named(receipt: &mut Receipt, other: &Receipt, source: &mut Source<'_>) -> Option<()> {
    let which = source.below(receipt.named.len())?;
    let first = receipt.named.first().cloned();
    let witness = receipt.witness_root;
    match (source.byte()? % 7, receipt.named.get_mut(which)) {
        (0, _) => receipt.named.clone_from(&other.named),
        (1, Some(_)) => drop(receipt.named.remove(which)),
        (2, _) => receipt.named.extend(first),
        (3, Some(named)) => named.binding = source.below(4)? as u32,
        (4, Some(named)) => named.root = witness,
        (5, Some(named)) => (named.root, named.seal) = first.map(|first| (first.root, first.seal))?,
        (_, Some(named)) => named.seal += named.seal,
        _ => {}
    }
    Some(())
}

/// Puts a field element's edge case, or one beyond the field, in the place of an aligned word.
fn set_word(proof: &mut [u8], source: &mut Source<'_>) -> Option<()> {
    let at = source.below(proof.len() / 8)? * 8;
    let word = proof.get_mut(at..at + 8)?.first_chunk_mut::<8>()?;
    let value = u64::from_le_bytes(*word);
    let new = match source.byte()? % 6 {
        0 => 0,
        1 => 1,
        2 => P - 1,
        3 => P,
        4 => value.wrapping_add(P),
        _ => value ^ 1,
    };
    *word = new.to_le_bytes();
    Some(())
}

/// Swaps two items of so many bytes.
fn swap(proof: &mut [u8], size: usize, source: &mut Source<'_>) -> Option<()> {
    let items = proof.len() / size;
    let (a, b) = (source.below(items)?, source.below(items)?);
    for i in 0..size.min(proof.len()) {
        proof.swap(a * size + i, b * size + i);
    }
    Some(())
}

/// One edit of the encoded receipt; `None` when the source is empty.
fn edit_bytes(encoded: &mut Vec<u8>, other: &[u8], source: &mut Source<'_>) -> Option<()> {
    let kind = source.byte()? % 5;
    let at = source.below(encoded.len())?;
    match kind {
        0 => {
            let change = source.byte()?;
            encoded.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= change);
        }
        1 => encoded.truncate(at),
        2 => encoded.extend_from_slice(source.some()?),
        3 => {
            let stop = (at + source.below(1 << 12)?).min(encoded.len());
            encoded.splice(at.min(stop)..stop, source.some()?.iter().copied());
        }
        _ => {
            let stop = (at + source.below(1 << 16)?).min(encoded.len());
            let first = source.below(other.len())?;
            let last = (first + stop.saturating_sub(at)).min(other.len());
            encoded.splice(at.min(stop)..stop, other[first..last].iter().copied());
        }
    }
    Some(())
}
