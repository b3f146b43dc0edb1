"""Trusted publishing: the build services that the operator trusts, and how their keys are fetched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bonded.wiring.stores import Stores

if TYPE_CHECKING:
    from bonded.accounts.oidc import Issuer, TrustedPublishing
    from bonded.settings import IssuerSettings


@dataclass(frozen=True)
class Trusted(Stores):
    """Who may say what was built."""

    @cached_property
    def trusted_publishing(self) -> TrustedPublishing:
        """The build services, with their keys, which each process fetches for itself."""
        from datetime import timedelta

        from bonded.accounts.oidc import TrustedPublishing
        from bonded.accounts.oidc_keys import IssuerKeys
        from bonded.web.api.oidc_documents import fetcher

        p = self.settings.publishing
        keys = IssuerKeys(fetcher(p.private_hosts, p.timeout))
        audience = p.audience or urlsplit(self.settings.url).netloc
        issuers = tuple(map(issuer_of, p.issuers))
        return TrustedPublishing(audience, issuers, timedelta(days=p.pending_days), keys.key_of)


def issuer_of(one: IssuerSettings) -> Issuer:
    """A build service as it is configured: one of the known kinds, or any other by its claims."""
    from bonded.accounts.oidc import Issuer
    from bonded.accounts.oidc_shapes import SHAPES, custom

    url = one.issuer or SHAPES[one.preset].issuer
    if one.preset != "custom":
        return Issuer(url, one.title or SHAPES[one.preset].title, SHAPES[one.preset])
    title = one.title or urlsplit(url).netloc
    return Issuer(url, title, custom(title, one.claims, one.optional_claims, one.pinned_claims))
