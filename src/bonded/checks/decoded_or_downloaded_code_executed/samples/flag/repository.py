import subprocess
import sys
import tempfile

import git

folder = tempfile.mkdtemp()
git.Repo.clone_from("https://code.example.invalid/sample.git", folder)
subprocess.Popen([sys.executable, folder + "/main.py"])
