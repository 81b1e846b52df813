//! The threads of a command.
//!
//! The command runs on a thread of a pool of its own, so that small pieces of its work need not be handed over to one.
//! That thread waits for other threads of the program at times: for the batch being loaded, the images that `predict`
//! decodes, the previous checkpoint. If that work were a job of the same pool, a pool of one thread would deadlock.
//! So other threads never use the command's pool: rayon's global pool, which serves every thread outside a pool, is a
//! second one whose threads never wait. (A loader has a third.)

use anyhow::{Context, bail};

/// The most threads of a pool. More than this many cores are in no machine that trains small nets.
pub const MOST_THREADS: usize = 1024;

/// Bytes of a thread's stack: as a main thread's.
const STACK: usize = 8 << 20;

/// The number of compute threads: `--threads`, else `RAYON_NUM_THREADS`; 0 for one per core. rayon passes over a
/// variable that is no number, and so does this.
///
/// # Errors
/// A variable that asks for more than [`MOST_THREADS`].
pub fn num_threads(flag: Option<u16>) -> anyhow::Result<usize> {
    if let Some(threads) = flag {
        return Ok(usize::from(threads)); // its parser knows the limit
    }
    let text = std::env::var("RAYON_NUM_THREADS").unwrap_or_default();
    let digits = text.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse::<usize>() {
        Ok(threads) if threads <= MOST_THREADS => Ok(threads),
        Err(_) if !is_number => Ok(0),
        _ => bail!(
            "RAYON_NUM_THREADS is {digits}, expected at most {MOST_THREADS} threads; unset it for one a core, or say \
             --threads N"
        ),
    }
}

/// The command's pool; the other one is the global one.
pub struct Pools {
    command: rayon::ThreadPool,
}

impl Pools {
    /// Starts both, of so many threads each; 0: one a core.
    ///
    /// # Errors
    /// Threads that the system refuses.
    pub fn start(num_threads: usize) -> anyhow::Result<Pools> {
        let pool = || {
            rayon::ThreadPoolBuilder::new()
                .stack_size(STACK)
                .num_threads(num_threads)
        };
        let refused = "cannot start the threads; --threads 1 needs the fewest";
        pool().build_global().context(refused)?;
        let command = pool().thread_name(|index| format!("compute-{index}"));
        Ok(Pools {
            command: command.build().context(refused)?,
        })
    }

    /// Runs the command.
    pub fn run<R: Send>(&self, command: impl FnOnce() -> R + Send) -> R {
        self.command.install(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    /// What `predict` does: a thread of its own prepares with all threads what the command waits for.
    #[test]
    fn a_command_may_wait_for_a_thread_that_computes_in_parallel_with_one_thread() {
        // Another test of the process may have started the global pool.
        let command = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let pools = Pools {
            command: command.expect("a thread"),
        };
        let sum = pools.run(|| {
            let other = std::thread::spawn(|| (0..1000u64).into_par_iter().sum::<u64>());
            other.join().expect("it ends")
        });
        assert_eq!(sum, 499_500);
    }
}
