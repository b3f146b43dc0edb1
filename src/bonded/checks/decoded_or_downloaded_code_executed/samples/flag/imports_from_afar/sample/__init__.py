import sys

from .finder import Finder

sys.meta_path.insert(0, Finder())
