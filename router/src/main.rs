//! The `portolan` binary: hands over to the command line of the library.
//!
//! Owns nothing but the choice of the allocator; exists so that all that can be tested is in the library.

/// Each exchange makes and drops a few blocks of some KiB; this allocator keeps them per thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    portolan::cli::main()
}
