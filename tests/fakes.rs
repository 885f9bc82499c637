//! Agent programs that are none: scripts of their names, to be put first on `PATH`.
//!
//! Some only play a recorded stream: they read the line of their prompt, print the stream and end. Others talk to a
//! model server (`agent_program`). No program of that name has to be there.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use tempfile::TempDir;

use crate::agent_program;

/// A folder of such programs.
pub struct Fakes(TempDir);

impl Fakes {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Makes a program that plays a file of `tests/streams` and ends with a status.
    pub fn plays(self, program: &str, stream: &str, status: u8) -> Self {
        let streams = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams");
        let text = fs::read(streams.join(stream)).unwrap();
        let said = self.0.path().join(format!("{program}.stream"));
        fs::write(&said, text).unwrap();
        let script = format!(
            "#!/bin/sh\ncase \" $* \" in *' --version '*) echo '0 (a fake)'; exit 0;; esac\nread -r prompt\ncat '{}'\nexit {status}\n",
            said.display()
        );
        self.put(program, &script);
        self
    }

    /// Makes a program that talks to the model server that its environment names.
    pub fn talks(self, program: &str) -> Self {
        self.put(program, &agent_program::script(program));
        self
    }

    fn put(&self, program: &str, script: &str) {
        let path = self.0.path().join(program);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What `PATH` is to be.
    pub fn path(&self) -> String {
        format!("{}:/usr/local/bin:/usr/bin:/bin", self.0.path().display())
    }
}
