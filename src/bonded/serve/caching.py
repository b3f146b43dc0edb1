"""Cache-Control by class of object (PUBLICATION.md of the design, "Caches"). Pure."""

from __future__ import annotations

from bonded.serve.paths import Class

YEAR = 31_536_000
NEVER = "no-store"
"""For every 403 and 404: anyone may ask for the next name before it exists."""
ROOT_MISSING = "public, max-age=1"
"""For versions of root that are not there: every client probes for the next one."""
POINTER = "public, max-age=1"


def cache_control(klass: Class, *, page_ttl: float, package_bound: float | None, private: bool) -> str:
    """The Cache-Control of a found object. Times in seconds.

    `package_bound`: how long shared caches may keep files when nothing purges them; None: as long as they like.
    Pages may be kept a little longer while they are fetched anew or the origin is down, so `stale-if-error` stays far
    below the time that withdrawn objects are kept for clients of older snapshots.
    """
    if klass is Class.POINTER:
        return "private, no-cache" if private else POINTER
    if klass is Class.PAGE:
        if private:
            return "private, no-cache"
        ttl = int(page_ttl)
        return f"public, max-age={ttl}, stale-while-revalidate={ttl}, stale-if-error=3600"
    if private:
        return f"private, max-age={YEAR}, immutable"
    if klass is Class.PACKAGE and package_bound is not None:
        return f"public, max-age={YEAR}, s-maxage={int(package_bound)}, immutable"
    return f"public, max-age={YEAR}, immutable"
