import subprocess

subprocess.run(["npm", "view", "sample", "publishConfig"])
subprocess.run(["git", "commit", "-m", "tell how to publish"])


def release(folder):
    subprocess.run(["twine", "upload", f"{folder}/*"], check=True)
