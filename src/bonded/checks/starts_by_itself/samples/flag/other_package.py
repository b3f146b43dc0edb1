import os
import shutil

import requests

shutil.copy(os.path.join(os.path.dirname(__file__), "patched.py"), os.path.join(os.path.dirname(requests.__file__), "api.py"))
