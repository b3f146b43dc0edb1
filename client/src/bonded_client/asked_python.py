"""Run by another interpreter, as the text of `-c`: what it is, and where its packages lie, as JSON on standard output.

Its only argument is the folder in which `packaging` lies for us; the interpreter need have nothing installed. It imports
nothing of ours, and works with Python 3.9 or later, as `packaging` does.
"""

import sys

if sys.path and sys.path[0] == "":
    del sys.path[0]  # the current folder: what lies there is not part of the environment, and must not run
import json

sys.path.insert(0, sys.argv[1])
from packaging.markers import default_environment
from packaging.tags import sys_tags

del sys.path[0]
json.dump(
    {
        "environment": dict(default_environment()),
        "tags": [str(tag) for tag in sys_tags()],
        "paths": [path for path in sys.path if path],
    },
    sys.stdout,
)
