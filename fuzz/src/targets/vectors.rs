//! The golden vectors: keys, and two of the receipts that they accept.

use std::sync::LazyLock;

use tacit_proof::VerifyingKey;

pub struct Golden {
    pub name: &'static str,
    /// The key's file, which two models may share.
    pub file: &'static [u8],
    pub key: VerifyingKey,
    pub receipts: [&'static [u8]; 2],
}

macro_rules! golden {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../../vectors/", $name, "/key.bin")).as_slice(),
            [
                include_bytes!(concat!("../../../vectors/", $name, "/receipt.bin")).as_slice(),
                include_bytes!(concat!("../../../vectors/", $name, "/second.bin")).as_slice(),
            ],
        )
    };
}

static MODELS: LazyLock<Vec<Golden>> = LazyLock::new(|| {
    let files = [
        golden!("format-1/linear"),
        golden!("format-1/relations"),
        golden!("format-1/convolution"),
        golden!("format-1/softmax"),
        golden!("format-1/perceptron"),
        golden!("format-2/relations"),
        golden!("format-2/layer"),
        golden!("format-3/relations"),
        golden!("format-3/layer"),
        golden!("format-3/wide"),
    ];
    let parsed = files.into_iter().map(|(name, file, receipts)| {
        let key = VerifyingKey::decode(file).unwrap_or_else(|error| panic!("the key of {name}: {error}"));
        Golden { name, file, key, receipts }
    });
    parsed.collect()
});

pub fn models() -> &'static [Golden] {
    &MODELS
}
