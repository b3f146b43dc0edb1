"""From a data directory to everything that runs on it: the only room that picks adapters and passes settings.

A House is made of parts, one module each: stores, keys, publishing, screening, uploads, answers, jobs. May import
everything but the commands. Invariant: no other room names an implementation of a seam, or reads the clock.
"""

from bonded.wiring.house import House, open_house
from bonded.wiring.keys import public_key
from bonded.wiring.screening import outside_checks, sandbox_for
from bonded.wiring.stores import wall_clock

__all__ = ["House", "open_house", "outside_checks", "public_key", "sandbox_for", "wall_clock"]
