"""Download one wheel through TUF: python install.py INDEX ROOT.JSON PROJECT==VERSION FOLDER"""

import hashlib
import json
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from tuf.ngclient import Updater

index, root, wanted, folder = sys.argv[1], Path(sys.argv[2]), Requirement(sys.argv[3]), Path(sys.argv[4])
project = canonicalize_name(wanted.name)
state = folder / "tuf-state"
for part in ("metadata", "pages"):
    (state / part).mkdir(parents=True, exist_ok=True)

# Everything about signatures, versions, expiry, lengths and hashes of metadata and pages happens in here.
updater = Updater(
    metadata_dir=str(state / "metadata"),
    metadata_base_url=urljoin(index, "metadata/"),
    target_dir=str(state / "pages"),
    target_base_url=index,
    bootstrap=root.read_bytes(),
)
info = updater.get_targetinfo(f"simple/{project}/index.json")
if info is None:
    sys.exit(f"the index has no project {project}")
page = json.loads(Path(updater.download_target(info)).read_bytes())

wheels = [file for file in page["files"] if file["filename"].endswith(".whl") and not file["yanked"]]
fitting = [file for file in wheels if parse_wheel_filename(file["filename"])[1] in wanted.specifier]
if not fitting:
    sys.exit(f"no wheel of {project} fits {wanted.specifier}")
file = fitting[0]

# The page is verified, so its size and sha256 are as good as signed; one byte more than `size` is enough to see too much.
address = urljoin(index, f"simple/{project}/{file['url']}")
data = urllib.request.urlopen(address, timeout=30).read(file["size"] + 1)  # noqa: S310
if len(data) != file["size"] or hashlib.sha256(data).hexdigest() != file["hashes"]["sha256"]:
    sys.exit(f"{file['filename']} is not what the index signed")
(folder / Path(file["filename"]).name).write_bytes(data)
print(file["filename"])  # noqa: T201
