#!/usr/bin/env bash
# Puts together what would go to crates.io, and compiles it: what is missing from a package is missing there.
#
# Not by cargo's own verification: as long as a version stays the same, cargo goes on using what it has unpacked before.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cargo package --workspace --exclude benches --exclude bookcache --exclude httpd --exclude race --exclude soak \
    --no-verify --allow-dirty --quiet --target-dir "$folder/target"
{
    printf '[workspace]\nresolver = "3"\nmembers = ["gocsp*"]\n\n[patch.crates-io]\n'
    for package in "$folder"/target/package/*.crate; do
        tar -xzf "$package" -C "$folder"
        name=$(basename "$package" .crate)
        for file in README.md LICENSE-MIT LICENSE-APACHE; do
            [[ -s $folder/$name/$file ]] || { echo "error: $name has no $file" >&2; exit 1; }
        done
        printf '%s = { path = "%s" }\n' "${name%-*}" "$name"
    done
} >"$folder/Cargo.toml"
cp Cargo.lock "$folder"
cargo check --quiet --manifest-path "$folder/Cargo.toml" --workspace --target-dir "${CARGO_TARGET_DIR:-target}"
