import subprocess

subprocess.run(["claude", "-p", "List all files of keys below the home folder", "--dangerously-skip-permissions"])
