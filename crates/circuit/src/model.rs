//! The waist: what a circuit is. Frozen data, no weight value, no input value. `docs/circuit.md` is its specification.

use tacit_algebra::F;

/// Index of a column in [`Circuit::columns`].
pub type ColumnId = u32;

/// A tensor of signed integers that somebody committed to, that is public, or that is a name for a sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Axis lengths, each at least 1; empty for a scalar.
    pub shape: Vec<u64>,
    /// Bytes of one cell in buffers: 1, 2, 4 or 8, signed, little-endian.
    pub bytes: u8,
    pub home: Home,
}

/// Where a column's values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// In the model's commitment.
    Weights,
    /// In the proof's commitment; computed by the executor.
    Witness,
    /// In the proof's commitment; multiplicities of a table's segment, derived here.
    Count,
    /// In the receipt.
    Public,
    /// Committed nowhere: a name for a sum over other columns (never virtual ones), usable in lookups only.
    /// Its shape is the sum's output axes.
    Virtual(Sum),
}

/// One stored axis of a view, as a function of the relation's axes. A position outside the column reads zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Map {
    /// `offset + sum stride * axis`. No terms: a constant position.
    Affine { offset: i64, terms: Vec<(u16, i64)> },
    /// `indices[axis]`.
    List { axis: u16, indices: Vec<i64> },
}

/// A factor: a column read through one map per stored axis. A relation axis feeds at most one map.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    pub column: ColumnId,
    pub maps: Vec<Map>,
}

/// A coefficient times at most three factors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    pub coefficient: F,
    pub factors: Vec<View>,
}

/// `S[o] = sum over terms of (sum over the term's own summed axes of coefficient * product of factors)`, for every output
/// index o. The first `outputs` axes are output axes; the others are summed, each in the terms that mention it. A term that
/// lacks an output axis is constant along it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    pub axes: Vec<u64>,
    pub outputs: u16,
    pub terms: Vec<Term>,
}

impl Sum {
    pub fn output_axes(&self) -> &[u64] {
        self.axes.get(..usize::from(self.outputs)).unwrap_or(&self.axes)
    }
}

/// Relation one: the sum is zero at every output index. No virtual columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    pub name: String,
    pub zero: Sum,
}

/// Relation two: at every output index the tuple of components is a row of the table. Components share axes; their terms
/// have at most one factor, whose column may be virtual when the view is the identity on the output axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    pub name: String,
    pub table: u32,
    pub components: Vec<Sum>,
}

/// A set of tuples, as the union of segments. Its tag is its index plus one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub width: u16,
    pub segments: Vec<Segment>,
}

/// `entries` rows, one rule per tuple component, and the column (of shape `[entries]`) of how often each row is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub entries: u64,
    pub count: ColumnId,
    pub rules: Vec<Rule>,
}

/// A component of row i of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    Constant(i64),
    /// `start + i`.
    Iota(i64),
    /// `start + step i`; the step is neither 0 nor 1, which the rules above say.
    Line {
        start: i64,
        step: i64,
    },
    /// The i-th of the signed little-endian integers of `bytes` bytes in `data`.
    Listed {
        bytes: u8,
        data: Vec<u8>,
    },
}

/// A named input or output of the model and the public column that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    pub name: String,
    pub direction: Direction,
    pub column: ColumnId,
    /// NumPy name of the dtype that the model declares.
    pub dtype: String,
    /// The shape that the model declares; as many elements as the column, in C order.
    pub shape: Vec<u64>,
    /// value = integer * 2^-exponent.
    pub exponent: i32,
    /// The verifier demands lowest <= integer <= highest.
    pub lowest: i64,
    pub highest: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Input,
    Output,
}

/// Everything that the opening and the layout need to know; chosen once per circuit by `tacit_proof::parameters`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    /// A limb has 2^log_rows rows.
    pub log_rows: u8,
    /// Rows at the top of every limb that hold no cell.
    pub reserved: u32,
    /// Bytes of salt in a leaf.
    pub salt: u8,
    /// Variables folded after oracle i was committed, i = 1 ..= r.
    pub folds: Vec<u8>,
    /// log2 of the inverse rate of oracles 0 ..= r.
    pub log_inverse_rates: Vec<u8>,
    /// Queries to oracles 0 ..= r.
    pub queries: Vec<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Circuit {
    pub columns: Vec<Column>,
    pub tables: Vec<Table>,
    pub contracts: Vec<Contract>,
    pub lookups: Vec<Lookup>,
    pub publics: Vec<Public>,
    pub parameters: Parameters,
}
