"""Pyramid: routes, forms, templates, translations; public, account, manage, admin and api pages.

May import ops and below, never serve. Invariant: every route names its action per method; the default is to deny.
"""

import warnings

with warnings.catch_warnings():
    # WebOb 1.8 imports cgi and Pyramid 2.1 pkg_resources; both warn at import that they are old. Neither can be helped here.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.filterwarnings("ignore", message=".*pkg_resources.*", category=UserWarning)
    import pyramid.config
    import pyramid.request  # noqa: F401 - imported here first, so that importing them elsewhere is quiet
