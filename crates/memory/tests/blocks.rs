//! Programs whose large blocks are the range's: contents stay, zeros are zeros, threads do not meet, and pages come back.

#![allow(unsafe_code)]
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

use std::thread;

use proptest::prelude::*;
use tacit_memory::pages::{PAGE, UNIT};
use tacit_memory::{Kept, LEAST, give_back, held};

#[global_allocator]
static ALLOCATOR: Kept = Kept;

/// What a block of this name holds, sampled every few bytes and at both ends.
fn places(len: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by(4099).chain(len.checked_sub(1))
}

fn pattern(name: usize, at: usize) -> u8 {
    (name * 31 + at * 7 + (at >> 12)) as u8
}

fn fill(name: usize, block: &mut [u8]) {
    places(block.len()).for_each(|at| block[at] = pattern(name, at));
}

fn check(name: usize, block: &[u8]) {
    assert!(places(block.len()).all(|at| block[at] == pattern(name, at)), "{name}");
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![1..LEAST, LEAST - 2..LEAST + 3, LEAST..8 * PAGE, (9 * PAGE - 3)..(9 * PAGE + 3)]
}

/// Steps on blocks of one thread's own.
fn run(steps: &[(u8, usize, usize)]) {
    let mut blocks: Vec<(usize, Vec<u8>)> = Vec::new();
    for (name, &(kind, size, which)) in steps.iter().enumerate() {
        let at = which % blocks.len().max(1);
        match kind {
            0 if !blocks.is_empty() => {
                let (name, block) = blocks.swap_remove(at);
                check(name, &block);
            }
            1 if !blocks.is_empty() => {
                let (name, block) = &mut blocks[at];
                check(*name, block);
                block.resize(size, 0);
                block.shrink_to_fit();
                let kept = block.len();
                assert!(kept == size);
                fill(*name, block);
            }
            2 => {
                let mut block = Vec::with_capacity(size);
                block.resize(size, 1);
                fill(name, &mut block);
                blocks.push((name, block));
            }
            _ => {
                let mut block = vec![0; size];
                assert!(block.iter().all(|&byte| byte == 0), "a block of zeros is not");
                fill(name, &mut block);
                blocks.push((name, block));
            }
        }
    }
    blocks.iter().for_each(|(name, block)| check(*name, block));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn contents_stay(steps in prop::collection::vec((0..4u8, sizes(), any::<usize>()), 1..24)) {
        thread::scope(|scope| {
            scope.spawn(|| run(&steps[..steps.len() / 2]));
            scope.spawn(|| run(&steps));
        });
    }
}

#[test]
fn growing_keeps_what_was_written() {
    let mut block: Vec<u64> = Vec::new();
    (0..3 * PAGE as u64).for_each(|value| block.push(value));
    assert!(block.iter().zip(0..).all(|(&found, value)| found == value));
    block.truncate(10);
    block.shrink_to_fit();
    assert_eq!(block, (0..10).collect::<Vec<u64>>());
}

#[test]
fn blocks_are_aligned_as_asked() {
    #[repr(align(4096))]
    #[derive(Clone)]
    struct Aligned([u8; 4096]);
    let block = vec![Aligned([7; 4096]); 1 + LEAST / 4096];
    assert!((block.as_ptr() as usize).is_multiple_of(4096) && block.iter().all(|part| part.0[4095] == 7));
}

/// Alone in its process: `cargo test` runs one test of this name by itself below.
#[test]
fn pages_are_kept_and_given_back() {
    let exe = std::env::current_exe().unwrap();
    if std::env::var_os("TACIT_ALONE").is_none() {
        let found =
            std::process::Command::new(exe).arg("pages_are_kept_and_given_back").env("TACIT_ALONE", "1").output();
        return assert!(found.unwrap().status.success());
    }
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
    };
    let before = resident();
    let block = vec![1u8; 64 * PAGE];
    let at = block.as_ptr() as usize;
    assert!(resident() > before + 63 * PAGE);
    drop(block);
    assert!(held() >= 63 * PAGE && resident() > before + 63 * PAGE);
    // Used again, and no more pages than before.
    let block = vec![2u8; 64 * PAGE];
    assert!(block.as_ptr() as usize == at && held() <= 2 * PAGE + 16 * UNIT);
    drop(block);
    give_back();
    assert!(held() <= 2 * PAGE && resident() < before + 4 * PAGE, "{} {}", resident(), before);
    // Pages that are locked in memory stay there, and give blocks of zeros all the same.
    let block = vec![3u8; 2 * PAGE];
    let locked = unsafe { libc::mlock(block.as_ptr().cast(), block.len()) } == 0;
    let at = block.as_ptr() as usize;
    drop(block);
    give_back();
    let block = vec![0u8; 2 * PAGE];
    assert!(!locked || block.as_ptr() as usize == at);
    assert!(block.iter().all(|&byte| byte == 0));
    unsafe { libc::munlock(block.as_ptr().cast(), block.len()) };
    drop(block);
    // 32 blocks side by side, every other dropped: one that fits nowhere between them takes the place of their pages.
    let mut blocks: Vec<_> = (0..32).map(|_| vec![1u8; 4 * PAGE]).collect();
    let mut number = 0;
    blocks.retain(|_| {
        number += 1;
        number % 2 == 0
    });
    let large = vec![1u8; 40 * PAGE];
    assert!(resident() < before + (128 + 20) * PAGE, "{}", (resident() - before) / PAGE);
    assert!(large.iter().all(|&byte| byte == 1));
}

#[test]
fn a_child_has_the_lock_of_no_thread_that_it_lacks() {
    use std::sync::atomic::{AtomicBool, Ordering};
    // The range is reserved, and with it what happens at forks.
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LEAST)));
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                std::hint::black_box(Vec::<u8>::with_capacity(LEAST));
            }
        });
        let mut fine = true;
        for _ in 0..200 {
            // SAFETY: the child takes and drops one block, without the system's allocator, and ends.
            let child = unsafe { libc::fork() };
            if child == 0 {
                drop(std::hint::black_box(Vec::<u8>::with_capacity(LEAST)));
                unsafe { libc::_exit(7) };
            }
            let (mut status, mut waited) = (0, 0);
            while waited < 5000 && unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
                waited += 1;
                thread::sleep(std::time::Duration::from_millis(1));
            }
            fine &= libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7;
            if !fine {
                unsafe { libc::kill(child, libc::SIGKILL) };
                break;
            }
        }
        ended.store(true, Ordering::Relaxed);
        assert!(fine, "the child waits for a lock that nobody holds");
    });
}
