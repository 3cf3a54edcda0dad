//! What was step by step, as far back as is remembered.

#[derive(Debug)]
pub(super) struct Ring<T, const N: usize> {
    /// By step, modulo N.
    items: Box<[T; N]>,
    next: u64,
}

impl<T: Copy, const N: usize> Ring<T, N> {
    pub fn new(item: T) -> Self {
        Self { items: Box::new([item; N]), next: 0 }
    }

    /// The step behind the last.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Makes the steps between the last one and this.
    pub fn fill_to(&mut self, step: u64, mut missing: impl FnMut() -> T) {
        self.next = self.next.max(step.saturating_sub(N as u64));
        while self.next < step {
            self.put(self.next, missing());
        }
    }

    /// The last step is this. Steps before it that are missing are made by `fill_to`.
    pub fn put(&mut self, step: u64, item: T) {
        self.items[(step % N as u64) as usize] = item;
        self.next = step + 1;
    }

    /// A step that lies at most N back.
    pub fn at(&self, step: u64) -> &T {
        &self.items[(step % N as u64) as usize]
    }
}
