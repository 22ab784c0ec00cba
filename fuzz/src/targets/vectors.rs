//! The golden vectors: keys, and the receipts that they accept.

use std::sync::LazyLock;

use tacit_proof::VerifyingKey;

pub struct Golden {
    pub name: &'static str,
    pub key: VerifyingKey,
    pub receipts: [&'static [u8]; 2],
}

macro_rules! golden {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../../vectors/format-1/", $name, "/key.bin")).as_slice(),
            [
                include_bytes!(concat!("../../../vectors/format-1/", $name, "/receipt.bin")).as_slice(),
                include_bytes!(concat!("../../../vectors/format-1/", $name, "/second.bin")).as_slice(),
            ],
        )
    };
}

static MODELS: LazyLock<Vec<Golden>> = LazyLock::new(|| {
    let files =
        [golden!("linear"), golden!("relations"), golden!("convolution"), golden!("softmax"), golden!("perceptron")];
    let parsed = files.into_iter().map(|(name, key, receipts)| {
        let key = VerifyingKey::decode(key).unwrap_or_else(|error| panic!("the key of {name}: {error}"));
        Golden { name, key, receipts }
    });
    parsed.collect()
});

pub fn models() -> &'static [Golden] {
    &MODELS
}
