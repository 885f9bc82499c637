//! Memory that is really used: the simulator's stand-in for an agent's memory.
//!
//! Must not be used by anything but simulated agents.
#![expect(unsafe_code, reason = "mapping memory and giving it back")]

use std::{ffi::c_void, io, ptr};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use super::proc::page_size;

/// A mapping of which a part, from its start, is touched page by page.
#[derive(Debug)]
pub struct Ballast {
    start: *mut c_void,
    len: usize,
    touched: usize,
    page: usize,
}

impl Ballast {
    /// Reserves address space for at most so many bytes; no memory is used yet.
    pub fn new(max_bytes: u64) -> io::Result<Self> {
        let page = usize::try_from(page_size()).unwrap_or(4096);
        let len = usize::try_from(max_bytes)
            .unwrap_or(usize::MAX / 2)
            .next_multiple_of(page)
            .max(page);
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches nothing
        // that exists.
        let start = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                flags,
            )?
        };
        // Huge pages would round the figure up to 2 MiB. Refused where the kernel has none: fine.
        // SAFETY: the range is the mapping that was just made.
        let _ = unsafe { madvise(start, len, Advice::LinuxNoHugepage) };
        Ok(Self {
            start,
            len,
            touched: 0,
            page,
        })
    }

    /// Returns how many bytes are touched.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.touched as u64
    }

    /// Touches pages, or gives them back, until so many bytes (rounded to pages) are in use.
    pub fn resize(&mut self, bytes: u64) -> io::Result<()> {
        let wanted =
            usize::try_from(bytes).unwrap_or(self.len).min(self.len) / self.page * self.page;
        while self.touched < wanted {
            // SAFETY: `touched < wanted <= len`, so the byte is inside the mapping, which this value
            // alone owns. Volatile, so that the write is not left out as unused.
            unsafe { self.start.cast::<u8>().add(self.touched).write_volatile(1) };
            self.touched += self.page;
        }
        if self.touched > wanted {
            // SAFETY: the range is inside the mapping and on page borders; its content is not used.
            let given_back = unsafe {
                madvise(
                    self.start.byte_add(wanted),
                    self.touched - wanted,
                    Advice::LinuxDontNeed,
                )
            };
            given_back?;
            self.touched = wanted;
        }
        Ok(())
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new`, is unmapped only here and nothing borrows from it.
        let _ = unsafe { munmap(self.start, self.len) };
    }
}
