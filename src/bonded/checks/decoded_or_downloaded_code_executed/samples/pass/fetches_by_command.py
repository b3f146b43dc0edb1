import subprocess


def table(path):
    subprocess.run(["curl", "-fsSL", "-o", "/tmp/table.csv.gz", "https://files.example.invalid/table.csv.gz"], check=True)
    subprocess.run(["gzip", "-d", "/tmp/table.csv.gz"], check=True)
    with open("/tmp/table.csv") as stream:
        return stream.read()


