"""Open keys and sign with them, as the signer process would, one after the other: JSON lines in, JSON lines out.

Run by the Python of a host that has the libraries: importing them takes seconds, so that one process tries many settings.
A line is {"uri", "secrets", "env", "sign"}; the answer {"keyid", "signatures"} or {"said": the sentence}.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from bonded.adapters.signer_uri import BadUri, Secrets, open_key
from bonded.seams import SignerUnusable

for line in sys.stdin:
    asked = json.loads(line)
    os.environ.update(asked["env"])
    try:
        key = open_key(asked["uri"], Secrets(Path(asked["folder"]), **asked["secrets"]))
        made = key.sign([word.encode() for word in asked["sign"]])
        answer = {"keyid": key.keyid, "signatures": [each.hex() for each in made]}
    except (BadUri, SignerUnusable) as error:
        answer = {"said": str(error)}
    print(json.dumps(answer), flush=True)
