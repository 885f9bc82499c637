//! Who listens on a port of this machine: from the port to a socket, from the socket to a process.
//!
//! Reads `/proc` alone, connects to nobody. Of another user's processes nothing is known. Must not measure.

use std::{fs, io::Read, os::unix::ffi::OsStrExt};

/// Bytes of a table of sockets that are read: some 100,000 sockets.
const MOST_BYTES: u64 = 16 << 20;

/// Returns the inodes of sockets that listen on a port for connections over the loopback address.
#[must_use]
pub fn listeners(port: u16) -> Vec<u64> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let mut all = Vec::new();
    for table in tables {
        let Ok(file) = fs::File::open(table) else {
            continue;
        };
        let mut text = String::new();
        if file.take(MOST_BYTES).read_to_string(&mut text).is_ok() {
            all.extend(text.lines().filter_map(|line| listener(line, port)));
        }
    }
    all
}

/// The inode of a line of such a table, where it listens on the port and takes what comes over the loopback address.
fn listener(line: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    let mut fields = line.split_ascii_whitespace();
    let (host, own) = fields.nth(1)?.split_once(':')?;
    let state = fields.nth(1)?;
    if state != LISTEN || u16::from_str_radix(own, 16).ok()? != port || !loopback(host) {
        return None;
    }
    // After the state: queues, timer, retransmissions, user, timeout.
    fields.nth(5)?.parse().ok().filter(|inode| *inode > 0)
}

/// Whether an address of such a table, words of 32 bits in the machine's order, is the loopback one or that of all.
fn loopback(host: &str) -> bool {
    const LOOP_6: &str = "00000000000000000000000001000000";
    const MAPPED: &str = "0000000000000000FFFF0000";
    let four = |host: &str| host == "00000000" || host.ends_with("7F");
    match host.len() {
        8 => four(host),
        32 if host.chars().all(|c| c == '0') => true,
        32 if host == LOOP_6 => true,
        32 => host.strip_prefix(MAPPED).is_some_and(four),
        _ => false,
    }
}

/// Returns the process that holds one of these sockets: of several the one with the smallest number, which made it.
///
/// Goes through the open files of all processes that may be looked at: some ms, so rarely.
#[must_use]
pub fn holder(sockets: &[u64]) -> Option<i32> {
    if sockets.is_empty() {
        return None;
    }
    let wanted: Vec<Vec<u8>> = sockets
        .iter()
        .map(|inode| format!("socket:[{inode}]").into_bytes())
        .collect();
    let holds = |pid: i32| {
        let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            return false;
        };
        let links = files
            .flatten()
            .filter_map(|file| fs::read_link(file.path()).ok());
        links
            .into_iter()
            .any(|link| wanted.iter().any(|w| w == link.as_os_str().as_bytes()))
    };
    let all = fs::read_dir("/proc").ok()?.flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut pids: Vec<i32> = pids.collect();
    pids.sort_unstable();
    pids.into_iter().find(|&pid| holds(pid))
}

/// Returns the name of a process, as the kernel has it: 15 bytes at most, not clean.
#[must_use]
pub fn name(pid: i32) -> Vec<u8> {
    let mut name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.retain(|b| *b != b'\n');
    name
}

/// Returns the arguments of a process, 64 KiB of them at most; not clean.
#[must_use]
pub fn arguments(pid: i32) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(format!("/proc/{pid}/cmdline")) {
        let _ = file.take(64 << 10).read_to_end(&mut bytes);
    }
    bytes.split(|b| *b == 0).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

    #[test]
    fn the_process_behind_a_port_is_found() {
        let me = std::process::id().cast_signed();
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = four.local_addr().unwrap().port();
        let sockets = listeners(port);
        assert_eq!(sockets.len(), 1);
        assert_eq!(holder(&sockets), Some(me));
        drop(four);
        assert_eq!(listeners(port), [0_u64; 0]);
        // Not every machine has it.
        if let Ok(six) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
            let port = six.local_addr().unwrap().port();
            assert_eq!(holder(&listeners(port)), Some(me));
        }
        assert_eq!(holder(&[]), None);
        assert!(!name(me).is_empty() && !arguments(me).is_empty());
    }

    #[test]
    fn only_what_listens_for_this_machine_counts() {
        let line = |host: &str, state: &str| {
            format!(
                "   0: {host}:2CAA 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 4242 1 x"
            )
        };
        let found = |host: &str, state: &str| listener(&line(host, state), 11434);
        assert_eq!(found("0100007F", "0A"), Some(4242));
        assert_eq!(found("00000000", "0A"), Some(4242));
        assert_eq!(found("00000000000000000000000001000000", "0A"), Some(4242));
        assert_eq!(found("00000000000000000000000000000000", "0A"), Some(4242));
        assert_eq!(found("0000000000000000FFFF00000100007F", "0A"), Some(4242));
        assert_eq!(found("0100007F", "01"), None, "a connection");
        assert_eq!(found("0500A8C0", "0A"), None, "another address");
        assert_eq!(listener(&line("0100007F", "0A"), 11435), None);
        assert_eq!(listener("  sl  local_address rem_address   st", 1), None);
        assert_eq!(listener("", 1), None);
    }
}
