"""The whole table, and the routes that are not in it with the reason."""

from __future__ import annotations

from tests.web.scenes import account, admin, manage, public
from tests.web.scenes.scene import Scene

SCENES: tuple[Scene, ...] = public.ALL + account.ALL + manage.ALL + admin.ALL

NO_PAGE = {
    "search.suggest": ("JSON for the field of the search", "/search/suggest/?q=spam"),
    "project.feed": ("an Atom feed", "/project/spam/atom.xml"),
    "recent.feed": ("an Atom feed", "/recent/atom.xml"),
    "security": ("the text of RFC 9116", "/.well-known/security.txt"),
    "osv": ("JSON of advisories", "/osv/index.json"),
    "osv.all": ("an archive of advisories", "/osv/all.zip"),
    "osv.advisory": ("JSON of one advisory", "/osv/x.json"),
    "proof.head": ("JSON of the journal", "/journal/proof/"),
    "proof.inclusion": ("JSON of the journal", "/journal/proof/inclusion/1"),
    "proof.rows": ("JSON of the journal", "/journal/proof/rows/0/1"),
    "proof.consistency": ("JSON of the journal", "/journal/proof/consistency/0/1"),
    "uploaded": ("leads on to another page", "/legacy/spam/1.0/"),
    "integrity": ("JSON of what a build attested", "/integrity/spam/1.0/spam-1.0-py3-none-any.whl/provenance"),
    "asset": ("styles, scripts and pictures", "{style}"),
    "account.export": ("a file to be saved", "/account/history/export/?as=csv"),
    "manage.export": ("a file to be saved", "/manage/project/spam/history/export/?as=csv"),
    "admin.journal-export": ("a file to be saved", "/admin/journal/export/?as=csv"),
    "admin.count": ("JSON for the queue", "/admin/review/count/"),
    "admin.next": ("leads on to another page", "/admin/review/{hax}/next/"),
    "oidc.discover": ("JSON for upload tools", "/.well-known/pytp"),
    "oidc.audience": ("JSON for upload tools", "/_/oidc/audience"),
    "api.screening": ("JSON for other indexes", "/api/screenings/x/"),
}
"""Route -> why it answers no page, and an address at which that is looked at."""
