use p3_field::*;
use tacit_algebra::{F,K};
type P = <K as ExtensionField<F>>::ExtensionPacking;
#[test]
#[ignore]
fn micro() {
    let x: Vec<P> = (0..64u64).map(|i| P::from_ext_fn(|l| K::from_u64(i*77777777777+l as u64*12345678)+ K::from_basis_coefficients_fn(|d| F::from_u64((d as u64+3)*0x1234567812345)))).collect();
    let mut acc = x.clone();
    let t = std::time::Instant::now();
    for _ in 0..20000 { for (a,b) in acc.iter_mut().zip(&x) { *a = *a * *b; } }
    println!("mul {:.2} ns/elem", t.elapsed().as_nanos() as f64/(20000.*64.*8.));
    let t = std::time::Instant::now();
    for _ in 0..20000 { for (a,b) in acc.iter_mut().zip(&x) { *a = *a + *b; } }
    println!("add {:.2} ns/elem", t.elapsed().as_nanos() as f64/(20000.*64.*8.));
    println!("{:?}", acc[0]);
    let y: Vec<K> = x.iter().map(|p| p.extract(0)).collect();
    let mut acc = y.clone();
    let t = std::time::Instant::now();
    for _ in 0..20000 { for (a,b) in acc.iter_mut().zip(&y) { *a = *a * *b; } }
    println!("scalar mul {:.2} ns/elem", t.elapsed().as_nanos() as f64/(20000.*64.));
    println!("{:?}", acc[0]);
}
