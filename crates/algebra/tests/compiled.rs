//! What the compiler makes of sums of products that are kept in two words. LLVM 22 makes wrong vectors of such sums for AVX-512 unless
//! `.cargo/config.toml` forbids it to look for sums in straight code (`-slp-vectorize-hor=false`): without the flag this test fails.

use std::array::from_fn;
use std::hint::black_box;

/// `low + 2^32 high`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Wide {
    low: i64,
    high: i64,
}

impl Wide {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self { low: self.low.wrapping_add(other.low), high: self.high.wrapping_add(other.high) }
    }

    /// The same modulo p, of parts that are not negative and below 2^62.
    #[inline(always)]
    fn reduced(self) -> u64 {
        let low = self.low as u64;
        let high = (self.high as u64).wrapping_add(low >> 32);
        let more = (high >> 32).wrapping_mul(0xffff_ffff);
        let sum = (high << 32 | low & 0xffff_ffff).wrapping_add(more);
        sum.wrapping_add(if sum < more { 0xffff_ffff } else { 0 })
    }
}

/// A number of two signed digits times `digits[0]` and `digits[1]`, each product split in two words.
#[inline(always)]
fn product(digits: &[i64; 4], x: u64) -> Wide {
    let (low, high) = (x as i32, (x as i64 >> 32) as i32);
    let times = |half: i32, digit: i64| i64::from(half).wrapping_mul(i64::from(digit as i32));
    let a = times(low, digits[0]).wrapping_add(times(high, digits[2]));
    let b = times(low, digits[1]).wrapping_add(times(high, digits[3]));
    let (b_low, b_high) = (b & 0xffff_ffff, b >> 32);
    Wide { low: (a & 0xffff_ffff).wrapping_sub(b_high), high: (a >> 32).wrapping_add(b_high).wrapping_add(b_low) }
}

const POSITIVE: Wide = Wide { low: 1 << 60, high: 1 << 60 };

#[inline(never)]
fn sums(out: &mut [u64], [a, b, c, d, e, f, g]: [&[u64]; 7], [p1, p2, p3, p4, p5, p6, p7]: &[[i64; 4]; 7]) {
    let len = out.len();
    let (a, b, c, d) = (&a[..len], &b[..len], &c[..len], &d[..len]);
    let (e, f, g) = (&e[..len], &f[..len], &g[..len]);
    for i in 0..len {
        let low = POSITIVE.plus(product(p1, a[i])).plus(product(p2, b[i]).plus(product(p3, c[i])));
        let high = product(p4, d[i]).plus(product(p5, e[i])).plus(product(p6, f[i]).plus(product(p7, g[i])));
        out[i] = low.plus(high).reduced();
    }
}

#[test]
fn sums_of_split_products_are_exact() {
    const HALVES: [u64; 7] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fffe, 0xffff_ffff];
    let words: Vec<u64> = HALVES.iter().flat_map(|high| HALVES.map(|low| high << 32 | low)).collect();
    for n in 0..words.len() {
        let constants: [[i64; 4]; 7] = from_fn(|i| from_fn(|j| i64::from(words[(n + 5 * i + 3 * j) % 49] as i32 >> 1)));
        for len in [1, 8, 25, 50] {
            let x: Vec<u64> = words.iter().copied().cycle().skip(7 * n).step_by(1 + n % 5).take(7 * len).collect();
            let (mut out, parts) = (vec![0; len], from_fn(|j| &x[j * len..][..len]));
            sums(&mut out, parts, &constants);
            for i in 0..len {
                let one = |j: usize| black_box(product(&black_box(constants[j]), black_box(parts[j][i])));
                let sum = (0..7).fold(POSITIVE, |sum, j| black_box(sum.plus(one(j))));
                assert_eq!(out[i], black_box(sum).reduced(), "{n} {len} {i}");
            }
        }
    }
}
