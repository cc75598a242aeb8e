//! The `portolan` binary: hands over to the command line of the library.
//!
//! Owns nothing; exists so that all that can be tested is in the library.

fn main() -> std::process::ExitCode {
    portolan::cli::main()
}
