import subprocess


def again(host):
    subprocess.run(["ssh", host, "sudo systemctl restart xmrig"])


def stop():
    subprocess.run(["pkill", "-f", "xmrig"])
