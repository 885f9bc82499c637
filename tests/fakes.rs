//! Agent programs that only play a recorded stream: scripts of their names, to be put first on `PATH`.
//!
//! They read the line of their prompt, print the stream and end; no program of that name has to be there.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use tempfile::TempDir;

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
        let path = self.0.path().join(program);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// What `PATH` is to be.
    pub fn path(&self) -> String {
        format!("{}:/usr/local/bin:/usr/bin:/bin", self.0.path().display())
    }
}
