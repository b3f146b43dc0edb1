"""Import names of the standard library, of this Python and of those before it. Pure."""

from __future__ import annotations

import sys

from bonded.checks.kit import word_set

_GONE = word_set("distutils imp asynchat asyncore smtpd cgi cgitb crypt nntplib pipes telnetlib xdrlib urllib2 httplib")

STANDARD = frozenset(sys.stdlib_module_names) | _GONE
