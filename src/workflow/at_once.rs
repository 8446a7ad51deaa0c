//! Many clusters or phones, asked at the same time.

use rayon::prelude::*;

/// Does some work for each item, for at most `most` at the same time; the results are in the order of the items. The threads
/// wait most of the time, so there are as many as items that are asked, not as processors. After an error no work begins.
pub fn at_once<T: Send, R: Send, E: Send>(
    items: Vec<T>,
    most: usize,
    work: impl Fn(T) -> Result<R, E> + Sync + Send,
) -> Result<Vec<R>, E> {
    match rayon::ThreadPoolBuilder::new().num_threads(most.clamp(1, items.len().max(1))).build() {
        Ok(pool) => pool.install(|| items.into_par_iter().with_max_len(1).map(work).collect()),
        Err(_) => items.into_iter().map(work).collect(),
    }
}
