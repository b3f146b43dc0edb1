"""Settings: read once, from `bonded.toml` in the data directory and from the environment, into frozen values.

Each key can be set as BONDED_<SECTION>__<KEY> (keys without a section as BONDED_<KEY>); the environment wins. No other
file reads settings; rooms get their own section as an argument.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from os.path import normpath
from pathlib import Path
from typing import Any, Literal, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as NotJson

from bonded.values.meant import meant, misnamed, variables
from bonded.values.text import written

MIB = 1024 * 1024
AMQP = ("amqp://", "amqps://")
LONGEST = 3_650 * 86_400.0
"""Seconds of the longest time that is reckoned with: the calendar of the language ends."""


class SettingsError(Exception):
    """The configuration is wrong; the message names the key, what is wrong, and where it was set."""


class Section(BaseModel):
    """A section: frozen; a key it does not know is an error, and so is a number without end: no clock can wait for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DatabaseSettings(Section):
    """`url`: sqlite:///... or postgresql://...; relative SQLite paths are under the data directory."""

    url: str = "sqlite:///bonded.db"
    """sqlite:///... (relative paths are under the data directory) or postgresql://..."""
    pool_size: int = Field(default=8, ge=1)
    """Connections kept by each process."""

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        if not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("the databases known are sqlite:///... and postgresql://...")
        return url


class StorageSettings(Section):
    """Where the vault and the public store are: a folder (relative to the data directory) or s3://bucket/prefix."""

    vault: str = "vault"
    """Every byte received; private."""
    public: str = "public"
    """What clients read."""
    s3_endpoint: str = ""
    """Address of an S3-compatible service; empty: the provider of the region."""
    s3_region: str = "us-east-1"
    """Region of the buckets."""
    s3_allow_http: bool = False
    """Speak to the service without TLS; for tests on one machine."""

    @field_validator("vault", "public")
    @classmethod
    def _place(cls, where: str) -> str:
        if ":" in where.partition("/")[0] and not re.match("s3://[^/]", where):
            raise ValueError("it must be a folder or s3://BUCKET/PREFIX")
        if set(_parts(where)) <= {"", ".."}:
            raise ValueError("it must be a folder of its own: the data directory holds keys and the database, too")
        return where

    @field_validator("s3_endpoint")
    @classmethod
    def _address(cls, address: str) -> str:
        if address and not _is_web_address(address):
            raise ValueError("it must begin with http:// or https:// and name a host")
        return address

    @model_validator(mode="after")
    def _encrypted(self) -> StorageSettings:
        if self.s3_endpoint.startswith("http://") and not self.s3_allow_http:
            raise ValueError("storage.s3_endpoint is spoken to without TLS: set storage.s3_allow_http if that is meant")
        return self

    @model_validator(mode="after")
    def _apart(self) -> StorageSettings:
        vault, public = _parts(self.vault), _parts(self.public)
        if vault[: len(public)] == public or public[: len(vault)] == vault:
            raise ValueError(
                "storage.vault and storage.public must be apart, neither within the other: what is in the vault is private"
            )
        return self


def _owner(directory: Path) -> str:
    """Whom a data directory belongs to, in words."""
    try:
        name = directory.owner()
    except (KeyError, OSError):  # a number without a name, or a folder in one that we may not enter
        return "the one whom the data directory belongs to"
    return f"{name}, whom it belongs to (`sudo -u {name}`)"


def _is_here(host: str) -> bool:
    """Whether it is this machine, by its usual names."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_web_address(address: str) -> bool:
    """Whether it is an address of http or https, with a host and nothing after its path."""
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment


def _parts(where: str) -> tuple[str, ...]:
    """The names on the way to a place: "s3:" is the first of one in a bucket, "" of an absolute one."""
    path = normpath(where) if where else "."
    return tuple(part for at, part in enumerate(path.split("/")) if part != "." and (part or at == 0))


class UploadSettings(Section):
    """Caps on what is received. Times in seconds, sizes in bytes."""

    max_file_bytes: int = Field(default=1024 * MIB, ge=1)
    """Largest file."""
    max_form_bytes: int = Field(default=64 * MIB, ge=1)
    """Largest form around the file, description included."""
    read_timeout: float = Field(default=60.0, gt=0)
    """Longest pause between two chunks of an upload."""
    total_timeout: float = Field(default=3600.0, gt=0)
    """Longest time that one upload may take."""
    linux_tags: bool = True
    """Accept wheels tagged linux_*, which run on one distribution only (PyPI refuses them)."""
    local_versions: bool = True
    """Accept local versions (1.0+build), which PyPI refuses."""
    direct_references: bool = False
    """Accept requirements that name a URL."""
    exact_names: bool = True
    """Refuse file names that are not in today's exact normal form; set false to take older files of other indexes."""
    prohibited: tuple[str, ...] = ()
    """Project names that nobody may register."""
    freeze_after_days: int = Field(default=0, ge=0)
    """Days after which a release takes no further files; 0: never."""


class ScreeningSettings(Section):
    """`mode`: `hold` serves nothing before its verdict, `watch` serves at once and withdraws."""

    mode: Literal["hold", "watch"] = "hold"
    """What happens before the verdict: nothing is served (hold), or everything is, and withdrawn on a bad verdict (watch)."""
    workers: int = Field(default=2, ge=1)
    """Files screened at once."""
    cpu_seconds: float = Field(default=20.0, gt=0)
    """Processor time for one file."""
    memory_mb: int = Field(default=512, ge=64)
    """Memory for one file, in MiB."""
    policy: str = ""
    """Path of a policy file; empty: the built-in policy."""
    sandbox: Literal["auto", "bubblewrap", "rlimits"] = "auto"
    """Isolation of screening: the strictest that works here, or exactly this one."""
    private_names: tuple[str, ...] = ()
    """Names and patterns (acme-*) of projects that are kept for this organisation: a new project of such a name is held."""
    popular_names: str = ""
    """File with more names of popular projects, one on each line, that new ones must not resemble; empty: the built-in list."""
    plugins: tuple[str, ...] = ()
    """Where more checks are: Python executables or virtual environments whose packages declare some, and folders of checks."""
    yara_rules: str = "checks.d"
    """Drop-in folder of YARA rules and of folders of checks, read again when it changes; empty: none."""
    new_checks: Literal["evaluation", "enabled", "disabled"] = "evaluation"
    """State in which a check that was installed from outside begins."""
    backfill_workers: int = Field(default=1, ge=1)
    """Parts of backfills worked on at once by each machine, behind everything else."""
    precision_floor: float = Field(default=0.4, ge=0, le=1)
    """A check whose precision may be lower than this (the lower end of its 95 % interval) goes back to evaluation; 0: never."""
    precision_floors: dict[str, float] = {}
    """The same for single checks, by name."""
    precision_least: int = Field(default=20, ge=1)
    """Decisions of reviewers about a check before anything is done."""
    precision_days: int = Field(default=365, ge=1)
    """Days that decisions count."""


class ReviewSettings(Section):
    """How people decide about what policy held back."""

    answer_within_hours: float = Field(default=24.0, gt=0)
    """Hours after which an open case is late: it says so in the queue and in the figures."""
    two_people_dependants: int = Field(default=10, ge=0)
    """Removing a file for good takes two administrators where this many other projects here require its project; 0: one suffices."""


class TufSettings(Section):
    """Numbers of bins are chosen at the ceremony; these are the lifetimes and the rhythm."""

    min_interval: float = Field(default=0.0, ge=0)
    """Least seconds between two publications; 2 suits a busy index, because each costs every active client a snapshot."""
    max_batch: int = Field(default=5000, ge=1)
    """Most changes in one publication."""
    processes: int = Field(default=0, ge=0, le=16)
    """Processes that make one large publication; small ones are made by the publisher alone. 0: one for each processor, four
    at most. More than one only where store and keys are files (or a `bonded signer` has the keys)."""
    online_lifetime: float = Field(default=86_400.0, gt=0, le=LONGEST)
    """Seconds that timestamp, snapshot and bins are valid."""
    sweep_grace: float = Field(default=86_400.0, gt=0, le=LONGEST)
    """Seconds that superseded objects stay for clients that hold older metadata."""
    page_ttl: float = Field(default=10.0, ge=0)
    """Seconds that shared caches may keep plain project pages."""

    def lifetime(self) -> timedelta:
        return timedelta(seconds=self.online_lifetime)


class SignerSettings(Section):
    """The online keys, and which process holds them. Files are relative to the data directory."""

    engine: Literal["local", "process"] = "local"
    """Who holds the keys: the publisher (and refresher) itself, or a process of its own, `bonded signer`."""
    keys: tuple[str, ...] = ()
    """URIs of the keys, each of which signs: file:, hsm:, hv:, awskms:, gcpkms:, azurekms:. Empty: the file of `key`."""
    key: str = "keys/online.pem"
    """The encrypted private key, where `keys` is empty."""
    passphrase_file: str = "keys/passphrase"
    """File that holds the passphrase of keys in files."""
    pkcs11_module: str = ""
    """Library of the token for hsm: keys, such as /usr/lib/softhsm/libsofthsm2.so."""
    pin_file: str = ""
    """File that holds the token's PIN."""
    state: str = "keys/signer-state.json"
    """Where the signer keeps the highest number that it signed."""
    socket: str = "run/signer.sock"
    """Where the signer process listens."""
    timeout: float = Field(default=20.0, gt=0)
    """Seconds that a token or service may take for one batch of signatures."""

    def uris(self) -> tuple[str, ...]:
        """Every key by its URI."""
        return self.keys or (f"file:{self.key}",)


class QueueSettings(Section):
    """`engine`: `local` works in processes of each machine; `celery` has a broker carry job numbers to all of them."""

    engine: Literal["local", "celery"] = "local"
    """How workers are woken and placed: by this machine's own means, or by Celery through `broker`."""
    broker: str = ""
    """Address of the broker of engine celery: a Redis (redis://, rediss:// or redis+socket:///PATH) or a RabbitMQ (amqp:// or amqps://)."""
    broker_ca: str = ""
    """File of the CAs that the certificate of a broker behind rediss:// or amqps:// is verified against; empty: those of the system."""

    @model_validator(mode="after")
    def _complete(self) -> QueueSettings:
        if self.engine == "celery" and not self.broker:
            raise ValueError(
                "queue.broker is empty, and engine celery needs its address, such as redis://HOST:6379/0 or amqp://USER:PASSWORD@HOST/VHOST"
            )
        if self.broker and not self.broker.startswith(("redis://", "rediss://", "redis+socket:///", *AMQP)):
            raise ValueError(
                "queue.broker must be a Redis (redis://, rediss:// or redis+socket:///) or a RabbitMQ (amqp:// or amqps://): "
                "no other broker is supported"
            )
        if not _readable(self.broker):  # says nothing of what was read: it may be a part of the password
            raise ValueError("queue.broker is no address: write special characters of its password as %XX")
        if self.broker.startswith(AMQP) and (";" in self.broker or "?" in self.broker):
            raise ValueError(
                "queue.broker must be one address without options (nothing after `?` or `;`) where it is a RabbitMQ"
            )
        return self


def _readable(url: str) -> bool:
    try:
        return urlsplit(url).port != 0 and "#" not in url
    except ValueError:
        return False


class ServiceSettings(Section):
    """Screening for others: archives that are submitted, webhooks, advisories, reports. Times in seconds, sizes in bytes."""

    open_to: Literal["operator", "users"] = "operator"
    """Who may submit archives: tokens that the operator made and administrators, or everybody with a token for it."""
    max_file_bytes: int = Field(default=256 * MIB, ge=1)
    """Largest archive that is submitted or fetched."""
    per_hour: int = Field(default=600, ge=1)
    """Submissions of one token in an hour."""
    max_waiting: int = Field(default=1000, ge=1)
    """Submissions of one token that may wait at once."""
    keep_days: int = Field(default=30, ge=1)
    """Days that verdicts of submissions and delivered webhooks are kept. Archives go as soon as they are judged."""
    fetch_hosts: tuple[str, ...] = ()
    """Hosts that archives may be fetched from: files.example.org, *.example.org, or HOST:PORT. Empty: none."""
    private_hosts: tuple[str, ...] = ()
    """Hosts, written alike, that may have private addresses and be spoken to without TLS."""
    fetch_timeout: float = Field(default=60.0, gt=0)
    """Seconds that fetching an archive may take."""
    webhook_timeout: float = Field(default=10.0, gt=0)
    """Seconds that a webhook's receiver may take to answer."""
    osv_prefix: str = Field(default="x_BONDED", pattern=r"^((x_)?[A-Za-z][A-Za-z0-9]{0,15})?$")
    """Prefix of the ids of advisories: x_ and a name of your own, or one registered with OSV; empty: none are made."""
    osv_ecosystem: str = Field(default="PyPI", min_length=1, max_length=60)
    """The ecosystem that advisories name, by the list of the OSV schema."""
    reports_per_hour: int = Field(default=10, ge=0)
    """Reports from one address in an hour; 0: no reports by form or API."""


class IssuerSettings(Section):
    """One build service whose word about its builds is believed."""

    preset: Literal["github", "gitlab", "google", "circleci", "buildkite", "semaphore", "custom"]
    """Which claims its identities have; `custom`: those that `claims` names."""
    issuer: str = ""
    """Its address, exactly as `iss` says it; empty: the usual one of the preset."""
    title: str = ""
    """Its name on pages; empty: the usual one."""
    claims: dict[str, str] = {}
    """Of `custom`: claims that owners fill in and that must be the same, with a label each. Publishers are found by the first."""
    optional_claims: dict[str, str] = {}
    """Of `custom`: claims that owners may fill in."""
    pinned_claims: tuple[str, ...] = ()
    """Of `custom`: claims that must stay what they are at a publisher's first use, such as the number of a repository."""

    @model_validator(mode="after")
    def _complete(self) -> IssuerSettings:
        if self.preset in ("circleci", "semaphore", "custom") and not self.issuer:
            raise ValueError(f"publishing.issuers: preset {self.preset} has no usual address; give its issuer")
        if (self.preset == "custom") != bool(self.claims):
            raise ValueError("publishing.issuers: claims are named for preset custom, and only there")
        parts = urlsplit(self.issuer)
        if self.issuer and (
            parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment
        ):
            raise ValueError(f"publishing.issuers: {self.issuer!r} is not an address such as https://ci.example.org")
        return self


class PublishingSettings(Section):
    """Trusted publishing: build services whose builds upload without a token of anybody. Times in days and seconds."""

    issuers: tuple[IssuerSettings, ...] = ()
    """The build services, each `{preset = "..."}` or more; empty: trusted publishing is off."""
    audience: str = ""
    """Whom identities must be for; empty: the host of `url`."""
    pending_days: int = Field(default=30, ge=1)
    """Days that a publisher waits to make its project."""
    private_hosts: tuple[str, ...] = ()
    """Hosts of build services, HOST or HOST:PORT, that may have private addresses and be spoken to without TLS."""
    timeout: float = Field(default=5.0, gt=0)
    """Seconds that a build service may take to answer with its keys."""

    @model_validator(mode="after")
    def _once(self) -> PublishingSettings:
        named = [one.issuer or one.preset for one in self.issuers]
        if len(set(named)) < len(named):
            raise ValueError("publishing.issuers: a build service is named twice")
        return self


class AttestationSettings(Section):
    """What builds attest about the files that they upload by trusted publishing (PEP 740)."""

    accept: bool = True
    """Take attestations and verify them. Needs `bonded[attestations]`; without it, uploads that have some are refused."""
    trusted_root: str = ""
    """Whose signatures count: a trusted root in Sigstore's JSON form, relative to the data directory, read when a process starts.
    Empty: that of the public service, as the installed library brings it."""


class VulnerabilitySettings(Section):
    """Known vulnerabilities of the projects here, from a feed of records in the OSV format."""

    feed: str = ""
    """Where the feed is: a folder or a zip archive (relative to the data directory), or an https address. Empty: none is imported
    by the clock; `bonded vulnerability import` does it at any time."""
    hosts: tuple[str, ...] = ()
    """Hosts that a feed may be fetched from: files.example.org, *.example.org, or HOST:PORT. Empty: none."""
    private_hosts: tuple[str, ...] = ()
    """Hosts, written alike, that may have private addresses and be spoken to without TLS."""
    every_hours: float = Field(default=6.0, gt=0)
    """Hours from one import to the next."""
    old_days: float = Field(default=30.0, ge=0)
    """Days after which a feed of which no record changed raises an alarm: something does not renew it. 0: never, for a feed of
    one's own with few records."""

    @model_validator(mode="after")
    def _allowed(self) -> VulnerabilitySettings:
        if "://" in self.feed and not self.hosts:
            raise ValueError("vulnerabilities.feed is an address, and vulnerabilities.hosts does not name its host")
        return self


class MailSettings(Section):
    """`transport`: `file` writes messages under `folder`, `smtp` sends them."""

    transport: Literal["file", "smtp"] = "file"
    """Write messages as files, or send them."""
    folder: str = "mail"
    """Folder for messages, relative to the data directory."""
    host: str = "localhost"
    """SMTP server."""
    port: int = Field(default=25, ge=1, le=65_535)
    """Its port."""
    username: str = ""
    """Account at the SMTP server; empty: none."""
    password_file: str = ""
    """File that holds its password."""
    starttls: bool = False
    """Ask for TLS and refuse a server without it."""
    tls: bool = False
    """TLS from the first byte, as servers have it on port 465 (RFC 8314)."""
    allow_plain_login: bool = False
    """Send the password to another machine without TLS, where everybody on the way reads it."""
    sender: str = "Bonded <bonded@localhost>"
    """The From address."""

    @model_validator(mode="after")
    def _encrypted(self) -> MailSettings:
        plain = not (self.tls or self.starttls or self.allow_plain_login)
        if plain and self.username and self.transport == "smtp" and not _is_here(self.host):
            raise ValueError(
                "mail.username has a password that would go without TLS: set mail.tls or mail.starttls, or mail.allow_plain_login"
            )
        return self

    @model_validator(mode="after")
    def _one_kind(self) -> MailSettings:
        if self.starttls and self.tls:
            raise ValueError(
                "mail.tls and mail.starttls exclude each other: TLS from the first byte has no need of STARTTLS"
            )
        return self


class PurgeSettings(Section):
    """Caches in front of the public store. `engine`: `none` where none stands there, or where nothing can purge them."""

    engine: Literal["none", "varnish-xkey", "varnish-ban", "fastly", "nginx"] = "none"
    """What clears caches in front of the public store; `nginx` cannot be told to forget, and is only looked at."""
    addresses: tuple[str, ...] = ()
    """Address of every Varnish or nginx itself (not of a balancer before them): http://HOST:PORT."""
    service: str = ""
    """Id of the service at Fastly."""
    token_file: str = ""
    """File that holds the API token for Fastly, which needs the scope purge_select; relative to the data directory."""
    api: str = "https://api.fastly.com"
    """Address of Fastly's API."""
    soft: bool = False
    """Pages are only marked as old: caches give them out once more while they fetch them anew. Files always go at once."""
    timeout: float = Field(default=5.0, gt=0)
    """Seconds that a cache may take to answer."""
    bound: float = Field(default=5.0, ge=0)
    """Seconds that a shared cache which nothing purges may keep a withdrawn file (s-maxage of packages/)."""

    @field_validator("addresses", "api")
    @classmethod
    def _reachable(cls, value: tuple[str, ...] | str) -> tuple[str, ...] | str:
        for address in (value,) if isinstance(value, str) else value:
            parts = urlsplit(address)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
                raise ValueError(f"{address!r} is not an address such as http://127.0.0.1:6081")
        return value

    @model_validator(mode="after")
    def _complete(self) -> PurgeSettings:
        if self.engine.startswith("varnish") and not self.addresses:
            raise ValueError(f"purge.addresses is empty, and engine {self.engine} needs the address of every Varnish")
        for key in ("service", "token_file"):
            if self.engine == "fastly" and not getattr(self, key):
                raise ValueError(f"purge.{key} is empty, and engine fastly needs it")
        if self.engine == "varnish-ban" and self.soft:
            raise ValueError("purge.soft cannot be had with engine varnish-ban; use varnish-xkey")
        return self


class ServeSettings(Section):
    """The built-in server."""

    processes: int = Field(default=2, ge=1)
    """HTTP processes."""
    threads: int = Field(default=4, ge=1)
    """Pages worked on at once, in each process."""
    request_timeout: float = Field(default=30.0, gt=0)
    """Seconds that the body of a form may take."""


class AccountSettings(Section):
    """Sessions and rate limits. Times in seconds."""

    session_lifetime: float = Field(default=14 * 86_400.0, gt=0, le=LONGEST)
    """Seconds that a login lasts."""
    confirm_lifetime: float = Field(default=1800.0, gt=0, le=LONGEST)
    """Seconds that a confirmation by password counts for sensitive actions."""
    logins_per_5_minutes: int = Field(default=10, ge=1)
    """Attempts for one account from one network."""
    confirm_unusual: Literal["auto", "always", "never"] = "auto"
    """Ask the mailbox before somebody is let in from a browser and a network that are new; auto: when mail is sent by SMTP."""
    breached_passwords: str = ""
    """Passwords that are known from leaks: a file of sorted SHA-1 hashes (HASH or HASH:COUNT), or a folder with a file for each
    beginning; relative to the data directory. Empty: none are known."""
    dns_servers: tuple[str, ...] = ()
    """Servers that are asked whether mail domains are gone: ADDRESS or ADDRESS:PORT. Empty: those of this machine."""
    check_mail_domains: bool = False
    """Ask the DNS once a day whether the mail domains of people's addresses are gone, and take such addresses out of use."""
    secure_cookies: Literal["auto", "always", "never"] = "auto"
    """auto: secure when `url` is https."""
    second_factor: bool = True
    """Ask for a second factor of whoever makes API tokens or manages projects in the browser."""
    key_file: str = "secrets/accounts.key"
    """Seals the secrets of authentication apps, API tokens and webhooks (relative to the data directory); made when it is missing.
    Processes on several hosts need the same one. It lies beside the folder of signing keys, which the web need not see."""


class LanguageSettings(Section):
    """Languages of pages and mails. One is offered when 95 % of both is translated."""

    drafts: bool = True
    """Offer translations that no person has reviewed yet; each page says which they are."""
    only: tuple[str, ...] = ()
    """Offer none but these, by code (de, pt_BR, zh_Hans); English is always there. Empty: all."""
    pseudo: bool = False
    """Offer two made-up languages, en_XA and ar_XB, which show words that cannot be translated. For tests."""


class RegistrationSettings(Section):
    """Who may make an account for themselves, and with which name and address."""

    mode: Literal["closed", "invitation", "open"] = "closed"
    """Nobody, people with an invitation (`bonded user invite`), or everybody."""
    per_hour: int = Field(default=10, ge=1)
    """Forms from one network in an hour."""
    prohibited_names: tuple[str, ...] = ()
    """User names that nobody gets, nor any that look like them, besides the built-in ones."""
    refused_domains: tuple[str, ...] = ()
    """Domains, with all below them, whose addresses are not taken."""
    refused_domains_file: str = ""
    """More of them, one on each line, such as a list of throw-away mail services; relative to the data directory."""
    only_domains: tuple[str, ...] = ()
    """Take addresses of exactly these domains. Empty: of all."""


class LogSettings(Section):
    """`format`: json lines for machines, text for people."""

    format: Literal["json", "text"] = "json"
    """JSON lines for machines, text for people."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe lines that are written."""


class Settings(BaseSettings):
    """Everything that an operator can set."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="BONDED_", env_nested_delimiter="__")

    name: str = "Bonded"
    """Shown in page titles."""
    url: str = "http://localhost:8000/"
    """Public address of the index."""
    content_url: str = ""
    """Address of the index on a host of its own, where browsers get the files that uploaders wrote, and nothing else; empty: none."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-* headers are believed."""
    security_contact: str = ""
    """mailto: or https: for security.txt."""
    accessibility_contact: str = ""
    """mailto: or https: where people report barriers, on the page about accessibility; empty: that of security_contact."""
    dev: bool = False
    """Keys are for development: said on every page and in `bonded tuf status`."""

    database: DatabaseSettings = DatabaseSettings()
    storage: StorageSettings = StorageSettings()
    upload: UploadSettings = UploadSettings()
    screening: ScreeningSettings = ScreeningSettings()
    review: ReviewSettings = ReviewSettings()
    tuf: TufSettings = TufSettings()
    signer: SignerSettings = SignerSettings()
    queue: QueueSettings = QueueSettings()
    service: ServiceSettings = ServiceSettings()
    publishing: PublishingSettings = PublishingSettings()
    attestations: AttestationSettings = AttestationSettings()
    vulnerabilities: VulnerabilitySettings = VulnerabilitySettings()
    mail: MailSettings = MailSettings()
    purge: PurgeSettings = PurgeSettings()
    serve: ServeSettings = ServeSettings()
    account: AccountSettings = AccountSettings()
    registration: RegistrationSettings = RegistrationSettings()
    language: LanguageSettings = LanguageSettings()
    log: LogSettings = LogSettings()

    @field_validator("url", "content_url")
    @classmethod
    def _address(cls, address: str, info: ValidationInfo) -> str:
        if not address and info.field_name == "content_url":
            return address
        if not _is_web_address(address):
            raise ValueError("it must begin with http:// or https:// and name a host")
        if urlsplit(address).path not in ("", "/"):
            raise ValueError(
                "an index has a host name of its own: links in its pages begin at the root, and no path may follow"
            )
        return address

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                ipaddress.ip_network(name, strict=False)
            except ValueError:
                raise ValueError(f"{name!r} is neither an address nor a network") from None
        return names

    @model_validator(mode="after")
    def _apart(self) -> Settings:
        if self.content_url and urlsplit(self.content_url).hostname == urlsplit(self.url).hostname:
            raise ValueError("`content_url` has the host of `url`: browsers keep apart only what has a host of its own")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment over the file."""
        return (env_settings, init_settings)


def load(directory: Path) -> Settings:
    """Settings of the data directory. Raises SettingsError in one sentence that names the key."""
    path = directory / "bonded.toml"
    try:
        values = tomllib.loads(written(path.read_bytes()))
    except FileNotFoundError:
        raise SettingsError(
            f"{directory} is not a data directory: it has no bonded.toml (make one with `bonded init {directory}`)"
        ) from None
    except PermissionError:
        raise SettingsError(f"{path} cannot be read by this user: run this as {_owner(directory)}") from None
    except (OSError, ValueError) as error:  # no text, or no TOML
        raise SettingsError(f"{path} cannot be read: {error}") from None
    if wrong := misnamed(os.environ, _keys()):
        raise SettingsError(f"{wrong} in the environment is no setting{_near(wrong, variables(_keys()))}")
    try:
        return Settings(**values)
    except NotJson as error:
        name = _no_json(error, os.environ)
        raise SettingsError(f'{name} in the environment is not JSON: a list, for instance, is ["A", "B"]') from None
    except ValidationError as error:
        raise SettingsError(_sentence(error.errors()[0], path)) from None


def _sentence(first: Any, path: Path) -> str:
    """What is wrong, in words for whoever wrote the file; never the value, which may be a secret."""
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"`{key}` in {path} or the environment is no setting{_near(key, _keys())}"
    words = {
        "value_error": str(first.get("ctx", {}).get("error", first["msg"])),
        "tuple_type": 'it must be a list, such as ["A", "B"]',
        "model_type": f"it is a section: write [{key}] and its keys below",
    }.get(first["type"], first["msg"])
    return f"{f'setting `{key}`' if key else 'a setting'} in {path} or the environment is wrong: {words}"


def _near(name: str, names: Iterable[str]) -> str:
    """The end of the sentence about a name that is none."""
    found = meant(name, names)
    return f": did you mean `{found}`?" if found else ""


def _keys() -> list[str]:
    """Every key as in `tuf.page_ttl`, and every section."""
    found = []
    for name, field in Settings.model_fields.items():
        found.append(name)
        if isinstance(field.default, Section):
            found += [f"{name}.{key}" for key in type(field.default).model_fields]
    return found


def _no_json(error: NotJson, environment: Mapping[str, str]) -> str:
    """The variable that should be JSON and is none. The library tells its section only."""
    found = re.search(r'field "(\w+)"', str(error))
    whole = f"BONDED_{found[1].upper()}" if found else "a variable BONDED_..."
    for name, value in environment.items():
        if name.upper().startswith(f"{whole}__") and name.upper() in variables(_keys()):
            section, _, key = name.lower().removeprefix("bonded_").partition("__")
            annotation = type(Settings.model_fields[section].default).model_fields[key].annotation
            if get_origin(annotation) in {tuple, dict} and not _is_json(value):
                return name
    return whole


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True
