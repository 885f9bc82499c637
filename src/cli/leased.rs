//! A leased command: this program under the name of another, which it becomes once there is memory for it.
//!
//! Must not change anything of the command: arguments, environment (but for the marker), descriptors, signals and
//! exit status are its own, since it becomes the program. Whatever fails, the program runs.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
};

use crate::{
    display::escape,
    runtime::leases::{Asked, Called, MARKER, ask, below, marked},
    sys::exec,
};

use super::out;

/// As shells have it.
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

/// Becomes the program that is meant, after waiting for memory; comes back with a status where there is
/// none. None: this is no leased command.
pub fn become_meant(args: &[OsString]) -> Option<u8> {
    let called = Called::now()?;
    let name = called.name.to_string_lossy().into_owned();
    let program = match called.program(std::env::var_os("PATH").as_deref()) {
        Ok(program) => program,
        Err(error) => return Some(not_there(&name, &error)),
    };
    let marker = std::env::var_os(MARKER);
    let run = called.run();
    let above = below(marker.as_deref(), &run);
    // Below one that has its lease: that is for both.
    let env = if above.iter().any(|(leased, _)| *leased == name) {
        None
    } else {
        let numbers: Vec<u32> = above.iter().map(|(_, number)| *number).collect();
        let mut say = |line: &str| out::complain(&format!("wavedeck: {}\n", escape(line)));
        let number = match ask(called.run_dir(), &name, &numbers, &mut say) {
            Asked::Granted(number) => number,
            Asked::Without(why) => {
                if let Some(why) = why {
                    say(&format!("{name} runs without waiting for memory: {why}"));
                }
                0
            }
        };
        Some(marked(marker.as_deref(), &name, number, &run))
    };
    let args = meant(args, &called.name, &program);
    let error = exec::become_other(&program, &args, env.map(|env| (MARKER, env)));
    out::complain(&format!("{name}: {error}\n"));
    Some(NOT_STARTED)
}

/// The arguments with the program's path for its name, where it was called by that: programs that look for
/// themselves on the PATH (Python for its virtual environment, relocated compilers) would find the link to us.
fn meant(args: &[OsString], name: &OsStr, program: &Path) -> Vec<OsString> {
    let mut args = args.to_vec();
    if let Some(first) = args.first_mut()
        && Path::new(first).file_name() == Some(name)
    {
        *first = program.into();
    }
    args
}

fn not_there(name: &str, error: &io::Error) -> u8 {
    let (text, status) = if error.kind() == io::ErrorKind::PermissionDenied {
        ("Permission denied", NOT_STARTED)
    } else {
        ("command not found", NOT_FOUND)
    };
    out::complain(&format!("{name}: {text}\n"));
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_looks_for_itself_finds_itself() {
        let by = |first: &str| {
            let args = [first, "-m", "x"].map(OsString::from);
            let args = meant(&args, "python3".as_ref(), "/venv/bin/python3".as_ref());
            (args[0].to_str().unwrap().to_owned(), args.len())
        };
        for named in ["python3", "/run/leased-commands/python3"] {
            assert_eq!(by(named), ("/venv/bin/python3".to_owned(), 3));
        }
        // Another name was meant to be seen.
        assert_eq!(by("-python3"), ("-python3".to_owned(), 3));
        assert!(meant(&[], "x".as_ref(), "/x".as_ref()).is_empty());
    }
}
