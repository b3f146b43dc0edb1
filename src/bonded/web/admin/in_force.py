"""The settings in force."""

from __future__ import annotations

from itertools import groupby

from pyramid.response import Response

from bonded.web.request import Request


def show(request: Request) -> Response:
    """Every setting with its value and where it is from; it is changed in `bonded.toml`, never here."""
    sections = [(name, list(lines)) for name, lines in groupby(request.house.in_force, key=lambda one: one.section)]
    return request.page("admin/settings.html", sections=sections)
