//! The thin binary: everything lives in the library.

use std::process::ExitCode;

use wavedeck::executor::simulate;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some(simulate::SUBCOMMAND) {
        return ExitCode::from(simulate::simulated_agent(&args.next().unwrap_or_default()));
    }
    ExitCode::SUCCESS
}
