//! Records the vector instructions that this build uses, for Python to compare with the machine before it loads the module.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let listed: Vec<String> = features.split(',').filter(|f| !f.is_empty()).map(|f| format!("\"{f}\"")).collect();
    let record = format!("{{\"arch\": \"{arch}\", \"features\": [{}]}}\n", listed.join(", "));
    let root = env::var("CARGO_MANIFEST_DIR").map(|dir| Path::new(&dir).join("../../python/tacit/_build.json"));
    if let Ok(path) = root {
        // Unchanged content is not written, so that the package's build stays fresh.
        if fs::read_to_string(&path).ok().as_deref() != Some(&record) {
            let _ = fs::write(path, record);
        }
    }
}
