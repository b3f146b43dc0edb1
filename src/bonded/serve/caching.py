"""The one table of what caches are told about each class of object (PUBLICATION.md of the design, "Caches"). Pure.

The built-in server, the generated part of nginx's configuration (`bonded.serve.caching_nginx`) and the page of the
documentation all come from here, so that they cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from bonded.serve.paths import Class, is_root

YEAR = 31_536_000
NEVER = "no-store"
"""For every 403 and 404: anyone may ask for the next name before it exists."""
ROOT_MISSING = "public, max-age=1"
"""For versions of root that are not there: every client probes for the next one."""
POINTER = "public, max-age=1"
"""Never stale-while-revalidate, never stale-if-error: an old pointer looks like an attack."""
MOVED = "public, max-age=300"
"""For other spellings of a name: where they lead never changes."""
PRIVATE = "private, no-store"
"""For everything where reads are checked: no cache may give it to another reader, and a revoked right ends at once."""
STALE_IF_ERROR = 3600
STORE = "store"
"""The surrogate key that everything out of the public store carries beside its own: a recovery purges it."""


@dataclass(frozen=True, slots=True)
class Times:
    """What the table depends on, in seconds.

    `package_bound`: how long shared caches that nothing purges may keep a file that may be withdrawn. `purged`: a purger
    clears the caches that heed Surrogate-Control; those may keep files as long as they like, all others keep to the
    bound. `stale_if_error` never exceeds the time that withdrawn objects are kept for clients of older snapshots.
    """

    page_ttl: float = 10.0
    package_bound: float = 5.0
    purged: bool = False
    stale_if_error: float = STALE_IF_ERROR


def cache_control(klass: Class, times: Times, *, private: bool = False) -> str:
    """The Cache-Control of a found object (RFC 9111, section 5.2.2; RFC 5861)."""
    if private:
        return PRIVATE
    if klass is Class.POINTER:
        return POINTER
    if klass is Class.PAGE:
        ttl = int(times.page_ttl)
        return f"public, max-age={ttl}, stale-while-revalidate={ttl}, stale-if-error={int(times.stale_if_error)}"
    if klass is Class.PACKAGE:
        return f"public, max-age={YEAR}, s-maxage={int(times.package_bound)}, immutable"
    return f"public, max-age={YEAR}, immutable"


def surrogate_control(klass: Class, times: Times) -> str:
    """The Surrogate-Control of a found object, which caches that we purge heed before Cache-Control; "" for none."""
    return f"max-age={YEAR}" if klass is Class.PACKAGE and times.purged else ""


def surrogate_key(name: str, klass: Class) -> str:
    """The surrogate keys of an object of the public store, separated by spaces: what purges it.

    `timestamp`; `project/<project>` for all plain copies of a project, `project/` for the project list;
    `file/<object name>` for what is immutable; `root` too for every version of root; `store` for everything.
    """
    if klass is Class.POINTER:
        return f"timestamp {STORE}"
    if klass is Class.PAGE:
        parts = name.split("/")
        return f"project/{parts[1] if len(parts) > 2 else ''} {STORE}"
    return f"root file/{name} {STORE}" if is_root(name) else f"file/{name} {STORE}"


def missing(name: str) -> dict[str, str]:
    """The caching headers of a 404 for the object `name`."""
    if is_root(name):
        return {"Cache-Control": ROOT_MISSING, "Surrogate-Key": "root"}
    return {"Cache-Control": NEVER}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `where`: paths as people read them; `pattern`: a regular expression over nginx's `$uri`, in
    which `/bonded-html/` and the like stand for pages whose form was negotiated; `keys`: surrogate keys, in which `$uri`
    and captured names stand for themselves."""

    where: str
    status: int
    pattern: str
    cache_control: str
    surrogate_control: str
    keys: str


def table(times: Times) -> tuple[Row, ...]:
    """Every class of answer out of the public store, the most specific pattern first."""

    def found(where: str, klass: Class, pattern: str, keys: str) -> Row:
        return Row(where, 200, pattern, cache_control(klass, times), surrogate_control(klass, times), f"{keys} {STORE}")

    return (
        found("/metadata/timestamp.json", Class.POINTER, r"^/metadata/timestamp\.json$", "timestamp"),
        found("/metadata/N.root.json", Class.IMMUTABLE, r"^/metadata/[0-9]+\.root\.json$", "root file$uri"),
        found("/metadata/, /publications/", Class.IMMUTABLE, r"^/(?:metadata|publications)/", "file$uri"),
        found(
            "/simple/PROJECT/SHA256.index.html, .json",
            Class.IMMUTABLE,
            r"^/bonded-immutable-(?:html|json)/(?<bonded_name>.*)$",
            "file/simple/$bonded_name",
        ),
        found("/simple/", Class.PAGE, r"^/bonded-(?:html|json)/index\.", "project/"),
        found(
            "/simple/PROJECT/",
            Class.PAGE,
            r"^/bonded-(?:html|json)/(?<bonded_project>[^/]+)/index\.",
            "project/$bonded_project",
        ),
        found("/pypi/PROJECT/.../json", Class.PAGE, r"^/pypi/(?<bonded_project>[^/]+)/", "project/$bonded_project"),
        found("/packages/", Class.PACKAGE, r"^/packages/", "file$uri"),
        Row("other spellings of a name", 301, "", MOVED, "", ""),
        Row("/metadata/N.root.json that is not there yet", 404, "", ROOT_MISSING, "", "root"),
        Row("whatever is not there, or refused", 404, "", NEVER, "", ""),
    )
