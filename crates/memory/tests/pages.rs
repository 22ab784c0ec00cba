//! The bookkeeping against sets of units.

use std::collections::BTreeSet;
use std::ops::Range;

use proptest::prelude::*;
use tacit_memory::pages::{Pages, SLACK, UNITS_A_PAGE};

const UNITS: usize = 2048;
const PAGES: usize = UNITS / UNITS_A_PAGE;
type Small = Pages<UNITS, PAGES>;

fn free(used: &BTreeSet<usize>, mut units: Range<usize>) -> bool {
    units.end <= UNITS && units.all(|unit| !used.contains(&unit))
}

fn pages_of(used: &BTreeSet<usize>) -> BTreeSet<usize> {
    used.iter().map(|unit| unit / UNITS_A_PAGE).collect()
}

proptest! {
    #[test]
    fn blocks_are_the_first_free_ones_and_pages_no_more_than_the_most_in_use(
        steps in prop::collection::vec((0..4u8, 1..160usize, any::<prop::sample::Index>()), 1..80),
    ) {
        let mut pages = Small::new();
        let (mut used, mut resident) = (BTreeSet::new(), BTreeSet::new());
        let mut blocks: Vec<Range<usize>> = Vec::new();
        let mut most = 0;
        for (kind, units, which) in steps {
            match kind {
                0 if !blocks.is_empty() => {
                    let block = blocks.swap_remove(which.index(blocks.len()));
                    block.clone().for_each(|unit| assert!(used.remove(&unit)));
                    pages.release(block);
                }
                1 if !blocks.is_empty() => {
                    let at = which.index(blocks.len());
                    let more = blocks[at].end..blocks[at].end + units;
                    let fits = pages.extend(more.clone());
                    prop_assert_eq!(fits, free(&used, more.clone()));
                    if fits {
                        used.extend(more.clone());
                        blocks[at].end = more.end;
                        pages.touch(&more);
                        resident.extend(Small::of(&more));
                    }
                }
                _ => {
                    let first = (0..UNITS).find(|&first| free(&used, first..first + units));
                    prop_assert_eq!(pages.take(units), first);
                    if let Some(first) = first {
                        let block = first..first + units;
                        let touched = Small::of(&block).any(|page| resident.contains(&page));
                        prop_assert_eq!(pages.touched(&block), touched);
                        used.extend(block.clone());
                        pages.touch(&block);
                        resident.extend(Small::of(&block));
                        blocks.push(block);
                    }
                }
            }
            most = most.max(used.len());
            while let Some(page) = pages.surplus() {
                prop_assert!(resident.len() > most.div_ceil(UNITS_A_PAGE) + SLACK);
                prop_assert!(resident.remove(&page) && !pages_of(&used).contains(&page));
            }
            let idle = resident.difference(&pages_of(&used)).count();
            prop_assert!(resident.len() <= most.div_ceil(UNITS_A_PAGE) + SLACK || idle == 0);
            let held = (resident.len() * UNITS_A_PAGE).saturating_sub(used.len());
            prop_assert_eq!(pages.held(), held * tacit_memory::pages::UNIT);
        }
        let idle: BTreeSet<usize> = std::iter::from_fn(|| pages.idle()).collect();
        prop_assert_eq!(idle, resident.difference(&pages_of(&used)).copied().collect::<BTreeSet<usize>>());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut pages = Small::new();
    assert_eq!(pages.take(UNITS + 1), None);
    assert_eq!(pages.take(usize::MAX), None);
    assert_eq!(pages.take(UNITS), Some(0));
    assert_eq!(pages.take(1), None);
    assert!(!pages.extend(UNITS..UNITS + 1));
    pages.release(3..5);
    assert_eq!(pages.take(2), Some(3));
}
