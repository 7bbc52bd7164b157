//! Finds out which sanitizer the program is built with. The compiler's own `cfg(sanitize)` is not stable, so the code sees
//! `cfg(gocsp_sanitizer = "thread")` instead.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(gocsp_sanitizer, values(\"thread\"))");
    let sanitizers = env::var("CARGO_CFG_SANITIZE").unwrap_or_default();
    let is_used = |sanitizer| sanitizers.split(',').any(|used| used == sanitizer);
    if is_used("thread") {
        println!("cargo::rustc-cfg=gocsp_sanitizer=\"thread\"");
    }
    match (is_used("address"), env::var_os("CARGO_FEATURE_ASAN").is_some()) {
        // It would know nothing of the stacks of goroutines.
        (true, false) => {
            println!("cargo::error=with -Zsanitizer=address gocsp needs its feature: --features gocsp/asan");
        }
        (false, true) => println!("cargo::warning=the feature asan of gocsp links only with -Zsanitizer=address"),
        _ => {}
    }
}
