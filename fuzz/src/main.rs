//! `tacit-fuzz TARGET`, run by AFL++ (`make fuzz`): feeds its inputs to one target.

mod targets;

use std::process::ExitCode;

use targets::TARGETS;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let Some((_, target)) = TARGETS.iter().find(|(name, _)| *name == wanted) else {
        let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: tacit-fuzz {}", names.join(" | "));
        return ExitCode::FAILURE;
    };
    afl::fuzz!(|bytes: &[u8]| target(bytes));
    ExitCode::SUCCESS
}
