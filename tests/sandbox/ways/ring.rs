//! The least of io_uring: opens and removes files by the kernel's own threads or the caller's.
//!
//! The numbers are those of `include/uapi/linux/io_uring.h`.
#![expect(unsafe_code, reason = "the interface is shared memory and raw calls")]

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

const OPENAT: u8 = 18;
const UNLINKAT: u8 = 36;
/// `IOSQE_ASYNC`: on a thread of the kernel's.
const ASIDE: u8 = 1 << 4;
/// `IORING_ENTER_GETEVENTS`.
const WAIT: u32 = 1;
const ENTRIES: u32 = 4;

#[repr(C)]
#[derive(Default)]
struct Offsets {
    head: u32,
    tail: u32,
    ring_mask: u32,
    ring_entries: u32,
    /// Submission: flags; completion: overflow.
    fifth: u32,
    /// Submission: dropped; completion: where the entries are.
    sixth: u32,
    /// Submission: where the list of entries is.
    seventh: u32,
    reserved: u32,
    address: u64,
}

#[repr(C)]
#[derive(Default)]
struct Params {
    sq_entries: u32,
    cq_entries: u32,
    rest: [u32; 8],
    sq: Offsets,
    cq: Offsets,
}

#[repr(C)]
#[derive(Default)]
struct Entry {
    opcode: u8,
    flags: u8,
    priority: u16,
    fd: i32,
    offset: u64,
    address: u64,
    len: u32,
    open_flags: u32,
    data: u64,
    rest: [u64; 3],
}

#[repr(C)]
struct Done {
    data: u64,
    result: i32,
    flags: u32,
}

/// Shared memory; unmapped with the process.
fn map(fd: &OwnedFd, len: usize, offset: i64) -> io::Result<*mut u8> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let fd = fd.as_raw_fd();
    // SAFETY: a new mapping that overlaps no other.
    let at = unsafe { libc::mmap(ptr::null_mut(), len, access, libc::MAP_SHARED, fd, offset) };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(at.cast())
}

pub struct Ring {
    fd: OwnedFd,
    params: Params,
    sq: *mut u8,
    cq: *mut u8,
    entries: *mut Entry,
}

impl Ring {
    pub fn new() -> io::Result<Self> {
        let mut params = Params::default();
        // SAFETY: the structure is as long as the kernel's and outlives the call.
        let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, ENTRIES, &raw mut params) };
        let fd = match i32::try_from(fd) {
            // SAFETY: the kernel has just made it.
            Ok(fd) if fd >= 0 => unsafe { OwnedFd::from_raw_fd(fd) },
            _ => return Err(io::Error::last_os_error()),
        };
        let list = params.sq.seventh as usize + params.sq_entries as usize * 4;
        let done = params.cq.sixth as usize + params.cq_entries as usize * size_of::<Done>();
        let entries = params.sq_entries as usize * size_of::<Entry>();
        Ok(Self {
            sq: map(&fd, list, 0)?,
            cq: map(&fd, done, 0x800_0000)?,
            entries: map(&fd, entries, 0x1000_0000)?.cast(),
            fd,
            params,
        })
    }

    /// Opens a file for writing, makes it where it is not there, and closes it.
    pub fn create(&mut self, path: &CStr, aside: bool) -> io::Result<()> {
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_CLOEXEC;
        let fd = self.carry_out(Entry {
            opcode: OPENAT,
            fd: libc::AT_FDCWD,
            address: path.as_ptr() as u64,
            len: 0o600,
            open_flags: flags.cast_unsigned(),
            flags: if aside { ASIDE } else { 0 },
            ..Entry::default()
        })?;
        // SAFETY: the kernel has just made it.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
        Ok(())
    }

    pub fn remove(&mut self, path: &CStr, aside: bool) -> io::Result<()> {
        let entry = Entry {
            opcode: UNLINKAT,
            fd: libc::AT_FDCWD,
            address: path.as_ptr() as u64,
            flags: if aside { ASIDE } else { 0 },
            ..Entry::default()
        };
        self.carry_out(entry).map(drop)
    }

    /// Hands one entry over and waits for its end.
    // The mappings begin at a page, and the kernel's offsets in them are aligned for what is there.
    #[allow(clippy::cast_ptr_alignment)]
    fn carry_out(&mut self, entry: Entry) -> io::Result<i32> {
        // SAFETY: the offsets are the kernel's, within the mappings; one entry is under way at a time,
        // so nobody else writes what is written here.
        unsafe {
            let number = |base: *mut u8, at: u32| &*base.add(at as usize).cast::<AtomicU32>();
            let (sq, cq) = (&self.params.sq, &self.params.cq);
            let tail = number(self.sq, sq.tail);
            let at = tail.load(Ordering::Acquire);
            let slot = at & number(self.sq, sq.ring_mask).load(Ordering::Acquire);
            self.entries.add(slot as usize).write(entry);
            number(self.sq, sq.seventh + slot * 4).store(slot, Ordering::Release);
            tail.store(at.wrapping_add(1), Ordering::Release);
            let fd = self.fd.as_raw_fd();
            let nothing = ptr::null::<u8>();
            let entered = libc::syscall(libc::SYS_io_uring_enter, fd, 1, 1, WAIT, nothing, 0);
            if entered < 0 {
                return Err(io::Error::last_os_error());
            }
            let head = number(self.cq, cq.head);
            let at = head.load(Ordering::Acquire);
            let slot = at & number(self.cq, cq.ring_mask).load(Ordering::Acquire);
            let all = self.cq.add(cq.sixth as usize).cast::<Done>();
            let result = (*all.add(slot as usize)).result;
            head.store(at.wrapping_add(1), Ordering::Release);
            if result < 0 {
                return Err(io::Error::from_raw_os_error(-result));
            }
            Ok(result)
        }
    }
}
