use std::process::Command;

fn main() {
    let head = Command::new("git").args(["rev-parse", "HEAD"]).output().unwrap();
    Command::new("curl").args(["-L", "https://code.example.invalid/zstd.tar.gz", "-o", "zstd.tar.gz"]).status().unwrap();
    Command::new("tar").arg("xf").arg("zstd.tar.gz").status().unwrap();
    println!("cargo:rustc-env=HEAD={:?}", head);
}
