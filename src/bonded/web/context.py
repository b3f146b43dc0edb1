"""What the web is given: its settings, and the things that wiring built. Nothing here is read from the environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from bonded.accounts.devices import Site
from bonded.accounts.login_limits import LoginLimits
from bonded.accounts.oidc import TrustedPublishing
from bonded.accounts.registration_rules import RegistrationRules
from bonded.accounts.sealing import Sealer
from bonded.db.engine import Database
from bonded.screening.service import ServiceContext
from bonded.screening.states import CheckState
from bonded.seams import Counter, PasswordRanges, Storage
from bonded.upload.accept import UploadContext


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What pages need to know.

    `url` is the public address with a trailing slash; `secure` asks for HTTPS-only cookies; `contact` is a mailto: or
    https: address for security.txt ("" for none); `dev` shows the banner about development keys on every page.
    """

    name: str = "Bonded"
    url: str = "http://localhost:8000/"
    content_url: str = ""
    """Where browsers get what uploaders wrote: an address on another host, "" for none."""
    dev: bool = False
    secure: bool = False
    contact: str = ""
    accessibility_contact: str = ""
    """mailto: or https: address to which people report barriers; `contact` where it is empty."""
    session_lifetime: timedelta = timedelta(days=14)
    confirm_lifetime: timedelta = timedelta(minutes=30)
    reports_per_hour: int = 10
    """Reports taken from one address in an hour; 0: none at all."""
    login_limits: LoginLimits = field(default_factory=LoginLimits)
    registration: RegistrationRules = field(default_factory=RegistrationRules)
    ask_mail: bool = True
    """Whether the mailbox is asked before somebody is let in from a new place."""
    languages: tuple[str, ...] = ("en",)
    """Those that pages are offered in, English first (`values.languages.offered`)."""
    answer_within: timedelta = timedelta(hours=24)
    """After which an open case is late."""
    two_people_dependants: int = 10
    """Dependent projects from which on a removal takes two administrators; 0: never."""
    decisions_count: timedelta = timedelta(days=365)
    """How long a decision counts in the precision of a check."""
    new_checks: CheckState = CheckState.EVALUATION
    """The state of a check from outside that nobody has set yet."""
    second_factor: bool = True
    """Whether whoever makes tokens or manages projects must have a second factor."""

    @property
    def site(self) -> Site:
        """Where security devices are registered."""
        return Site(self.name, self.base)

    @property
    def cookie(self) -> str:
        """Name of the session cookie; `__Host-` makes browsers refuse one set for a parent domain or without TLS."""
        return "__Host-bonded" if self.secure else "bonded"

    @property
    def base(self) -> str:
        """`url` with exactly one trailing slash."""
        return self.url.rstrip("/") + "/"

    @property
    def files(self) -> str:
        """What links to files begin with, up to `packages/`."""
        return self.content_url.rstrip("/") + "/"

    @property
    def files_host(self) -> str:
        """The host that has nothing but files, "" for none."""
        return urlsplit(self.content_url).hostname or ""


@dataclass(frozen=True, slots=True)
class InForce:
    """One setting as an administrator sees it; `where` is "default", "file" or "environment", `section` "" for those without."""

    section: str
    name: str
    value: str
    default: str
    where: str


@dataclass(frozen=True, slots=True)
class WebContext:
    """Everything that pages use. `clock` gives the time in aware UTC; `public` is read for the state of signing only."""

    db: Database
    upload: UploadContext
    counter: Counter
    clock: Callable[[], datetime]
    public: Storage
    service: ServiceContext
    sealer: Sealer
    publishing: TrustedPublishing = field(default_factory=TrustedPublishing)
    """Build services whose builds may upload; off without any."""
    in_force: tuple[InForce, ...] = ()
    settings: WebSettings = field(default_factory=WebSettings)
    ranges: PasswordRanges | None = None
    """Passwords that are known from leaks; None where the operator has no list."""
