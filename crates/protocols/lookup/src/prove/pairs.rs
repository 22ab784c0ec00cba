//! Nodes over two leaves with one component and numerators 1, from the sum u and the product v of the leaves' integers: with
//! g = 1 + base, `N = 2 g - beta u` and `1 + E = g^2 - g beta u + beta^2 v`.

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;

use super::kernel::Lambda;
use super::moments::Form;
use super::packed::{Lanes, Packed, Quad};

pub(crate) struct Pairs {
    /// Of N: the constant, and the coefficient of u.
    n: [K; 2],
    /// Of E: the constant, and the coefficients of u and v.
    e: [K; 3],
    packed: ([Packed; 2], Packed, [Packed; 2]),
}

/// The second level after a round.
pub(crate) struct BoundPairs {
    n: (Packed, [Packed; 2]),
    e: (Packed, [Packed; 4]),
    /// N + lambda E.
    c: (Packed, [Packed; 4]),
}

impl Pairs {
    pub fn new(base: K, beta: K) -> Self {
        let g = base + K::ONE;
        let (n, e) = ([g + g, -beta], [g * g - K::ONE, -(g * beta), beta * beta]);
        let packed = (n.map(Packed::from), Packed::from(e[0]), [e[1], e[2]].map(Packed::from));
        Self { n, e, packed }
    }

    /// N and E over the leaves with the integers `x` and `y`.
    #[inline(always)]
    pub fn nodes(&self, (x, y): (Lanes, Lanes)) -> [Packed; 2] {
        let (n, constant, linear) = &self.packed;
        let u = x + y;
        [n[0] + n[1].times(u), *constant + Packed::dot(linear, &[u, x * y])]
    }

    /// The gate over two nodes.
    pub fn form(&self, lambda: &Lambda) -> Form<2> {
        let (n, d) = ([self.n[0], self.n[1], K::ZERO], [self.e[0] + K::ONE, self.e[1], self.e[2]]);
        Form::new(|t, s| {
            let product = n[t] * d[s] + d[t] * n[s] + lambda.scalar * d[t] * d[s];
            if t + s == 0 { product - lambda.scalar } else { product }
        })
    }

    pub fn bound(&self, r: K, lambda: &Lambda) -> BoundPairs {
        let c =
            [self.n[0] + lambda.scalar * self.e[0], self.n[1] + lambda.scalar * self.e[1], lambda.scalar * self.e[2]];
        let both = |value: K| [value - value * r, value * r].map(Packed::from);
        let four = |[constant, u, v]: [K; 3]| {
            let ([u0, u1], [v0, v1]) = (both(u), both(v));
            (Packed::from(constant), [u0, u1, v0, v1])
        };
        BoundPairs { n: (Packed::from(self.n[0]), both(self.n[1])), e: four(self.e), c: four(c) }
    }
}

impl BoundPairs {
    /// Of four pairs of leaves with integers x and y: the two nodes where the round's digit is 0, then those where it is 1.
    #[inline(always)]
    pub fn quad(&self, [x, y]: [[Lanes; 4]; 2]) -> Quad {
        let node = |s: usize| [x[s] + y[s], x[s + 2] + y[s + 2], x[s] * y[s], x[s + 2] * y[s + 2]];
        let (left, right) = (node(0), node(1));
        let of = |(constant, coefficients): &(Packed, [Packed; 4]), node| *constant + Packed::dot(coefficients, node);
        [
            self.n.0 + Packed::dot(&self.n.1, &[left[0], left[1]]),
            of(&self.e, &left),
            of(&self.c, &right),
            of(&self.e, &right),
        ]
    }
}
