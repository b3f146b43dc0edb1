"""The only file that picks adapters and passes settings: from a data directory to everything that runs on it.

`House` makes each part when it is first asked for, so a command pays only for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bonded.settings import Settings, SettingsError, load
from bonded.values.names import normalize
from bonded.values.states import Mode

if TYPE_CHECKING:
    from bonded.accounts.sealing import Sealer
    from bonded.adapters.signer_local import LocalSigner
    from bonded.adapters.signer_server import SignerServer
    from bonded.adapters.signer_uri import Secrets
    from bonded.checks.outside import Outside
    from bonded.db.engine import Database
    from bonded.db.worker import Handler
    from bonded.ops.lanes import Lane
    from bonded.review.settings import ReviewContext
    from bonded.screening.name_lists import NameLists
    from bonded.screening.osv import OsvSettings
    from bonded.screening.outbound import Rules
    from bonded.screening.service import ServiceContext, ServiceLimits
    from bonded.screening.settings import ScreeningContext, ScreeningSettings
    from bonded.seams import Broker, Counter, Lock, Mailer, Purger, Queue, Sandbox, Signer, Storage
    from bonded.serve.context import ServeContext, ServeSettings
    from bonded.telemetry.metrics import Level
    from bonded.tuf.context import Publisher, TufSettings
    from bonded.tuf.status_model import Status
    from bonded.upload.accept import UploadContext
    from bonded.upload.limits import UploadLimits
    from bonded.upload.receive import Receiver
    from bonded.web.app import Wsgi

SEEN = timedelta(seconds=5)
"""How long the state of signing is told again without being read."""


def wall_clock() -> datetime:
    """The only place that reads the clock of the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class House:
    """Everything that runs on one data directory. One per process: call `forked()` first in every child."""

    directory: Path
    settings: Settings
    clock: Callable[[], datetime] = wall_clock

    @cached_property
    def db(self) -> Database:
        """The database; commits wake the workers."""
        from bonded.db.engine import open_database

        db = open_database(self.database_url, pool_size=self.settings.database.pool_size)
        db.on_commit(self.queue.wake)
        if self.broker is not None:
            db.on_commit(self.broker.send)
        return db

    @property
    def database_url(self) -> str:
        """The address of the database, with SQLite's path under the data directory."""
        url = self.settings.database.url
        if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
            return f"sqlite:///{self.directory / url.removeprefix('sqlite:///')}"
        return url

    @cached_property
    def vault(self) -> Storage:
        """Every byte received; private."""
        return self._storage(self.settings.storage.vault)

    @cached_property
    def public(self) -> Storage:
        """What clients read."""
        return self._storage(self.settings.storage.public)

    def _storage(self, where: str) -> Storage:
        if where.startswith("s3://"):
            from bonded.adapters.storage_s3 import S3Storage

            s = self.settings.storage
            bucket, _, prefix = where.removeprefix("s3://").partition("/")
            return S3Storage(bucket, prefix, endpoint=s.s3_endpoint, region=s.s3_region, allow_http=s.s3_allow_http)
        from bonded.adapters.storage_files import FileStorage

        return FileStorage(self.directory / where)

    @cached_property
    def queue(self) -> Queue:
        """Wakes the workers of this machine."""
        return self.new_queue()

    def new_queue(self) -> Queue:
        """Another queue object, for another thread."""
        from bonded.adapters.queue_local import LocalQueue

        return LocalQueue(self.directory / "run" / "wake")

    @cached_property
    def broker(self) -> Broker | None:
        """Carries job numbers to workers on all machines; None where each machine looks for itself."""
        if self.settings.queue.engine == "local":
            return None
        try:
            from bonded.adapters.queue_celery import CeleryBroker
        except ImportError:
            raise SettingsError('`queue.engine` is celery, which is not installed: install "bonded[celery]"') from None
        return CeleryBroker(self.settings.queue.broker)

    def lanes(self) -> list[Lane]:
        """Which queues share threads."""
        from bonded.ops.lanes import lanes

        purging = bool(self.purger.active or self.purger.caches)
        s = self.settings.screening
        return lanes(self.jobs().keys(), screening=s.workers, backfilling=s.backfill_workers, purging=purging)

    @cached_property
    def signer(self) -> Signer:
        """The online keys, or the way to the process that holds them. Only publishing processes ask for it."""
        s = self.settings.signer
        if s.engine == "local":
            return self.key_holder
        from bonded.adapters.signer_process import ProcessSigner

        return ProcessSigner(self.directory / s.socket, timeout=s.timeout + 10)

    @cached_property
    def key_holder(self) -> LocalSigner:
        """The signer that holds the keys, opened when first used. The web processes and the workers never ask for it."""
        from bonded.adapters.signer_local import LocalSigner
        from bonded.adapters.signer_uri import open_key

        s = self.settings.signer
        self.check_key_uris()
        secrets = self.secrets
        return LocalSigner(lambda: [open_key(uri, secrets) for uri in s.uris()], self.directory / s.state)

    def check_key_uris(self) -> None:
        """Raise SettingsError for a key's URI that cannot be one."""
        from bonded.adapters.signer_uri import BadUri, parse

        for uri in self.settings.signer.uris():
            try:
                parse(uri)
            except BadUri as error:
                raise SettingsError(f"setting `signer.keys` is wrong: {error}") from None

    def key_files(self) -> list[Path]:
        """The files that this host's publisher or refresher reads keys from; none for keys that are elsewhere."""
        from bonded.adapters.signer_uri import parse

        if self.settings.signer.engine == "process":
            return []
        self.check_key_uris()
        uris = map(parse, self.settings.signer.uris())
        return [self.directory / uri.path for uri in uris if uri.scheme == "file"]

    @property
    def secrets(self) -> Secrets:
        """What opens the online keys."""
        from bonded.adapters.signer_uri import Secrets

        s = self.settings.signer
        return Secrets(self.directory, s.passphrase_file, s.pin_file, s.pkcs11_module, s.timeout)

    def signer_server(self) -> SignerServer:
        """What `bonded signer` runs: the keys behind a socket, and the rules by which they sign."""
        from bonded.adapters.signer_policy import Policy
        from bonded.adapters.signer_server import SignerServer

        policy = Policy(longest=2 * self.settings.tuf.lifetime(), clock=self.clock)
        return SignerServer(self.key_holder, self.directory / self.settings.signer.socket, policy)

    @cached_property
    def purger(self) -> Purger:
        """What clears caches in front of the public store."""
        s, host = self.settings.purge, urlsplit(self.settings.url).netloc
        bound = timedelta(seconds=s.bound)
        if s.engine == "none":
            from bonded.adapters.purger_none import NoPurger

            return NoPurger(bound)
        if s.engine == "nginx":
            from bonded.adapters.purger_nginx import NginxPurger

            return NginxPurger(s.addresses, host=host, bound=bound, timeout=s.timeout)
        if s.engine == "fastly":
            from bonded.adapters.purger_fastly import FastlyPurger

            token = self._secret("purge.token_file", s.token_file)
            return FastlyPurger(s.service, token, url=self.settings.url, api=s.api, soft=s.soft, timeout=s.timeout)
        from bonded.adapters.purger_varnish import VarnishPurger

        ban = s.engine == "varnish-ban"
        return VarnishPurger(s.addresses, host=host, ban=ban, soft=s.soft, timeout=s.timeout)

    @cached_property
    def sealer(self) -> Sealer:
        """What seals the secrets of second factors. Raises SettingsError."""
        from bonded.accounts.sealing import Sealer, key_from

        path = self.directory / self.settings.account.key_file
        try:
            return Sealer(key_from(path))
        except (OSError, ValueError) as error:
            raise SettingsError(f"`account.key_file` cannot be used: {error}") from None

    def _secret(self, key: str, path: str) -> str:
        """What the file holds that the setting `key` names. Raises SettingsError."""
        try:
            secret = (self.directory / path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"`{key}` cannot be read: {error}") from None
        if not secret or not secret.isascii() or not secret.isprintable():
            raise SettingsError(f"`{key}`: {path} does not hold a token on one line")
        return secret

    @cached_property
    def lock(self) -> Lock:
        """The publisher's lock: of this host, and of the database where several hosts share one."""
        if self.db.dialect == "postgresql":
            from bonded.adapters.lock_postgres import PostgresLock

            return PostgresLock(self.database_url)
        from bonded.adapters.lock_file import FileLock

        return FileLock(self.directory / "run" / "publisher.lock")

    @cached_property
    def publisher(self) -> Publisher:
        """What every publishing step works with."""
        from bonded.tuf.context import Publisher

        return Publisher(self.db, self.public, self.vault, self.signer, self.lock, self.tuf_settings, self.purger)

    @cached_property
    def keeper(self) -> Publisher:
        """The same for jobs that withdraw and copy but never sign: its signer refuses, so workers hold no key."""
        from bonded.adapters.signer_none import NoSigner
        from bonded.tuf.context import Publisher

        return Publisher(self.db, self.public, self.vault, NoSigner(), self.lock, self.tuf_settings, self.purger)

    @property
    def tuf_settings(self) -> TufSettings:
        """Lifetimes and rhythm of publishing."""
        from bonded.tuf.context import TufSettings

        t = self.settings.tuf
        return TufSettings(
            lifetime=t.lifetime(),
            min_interval=timedelta(seconds=t.min_interval),
            max_batch=t.max_batch,
            page_ttl=timedelta(seconds=t.page_ttl),
            sweep_grace=timedelta(seconds=t.sweep_grace),
            base_url=self.settings.url.rstrip("/") + "/",
        )

    @cached_property
    def counter(self) -> Counter:
        """Rate limits, over all processes."""
        from bonded.adapters.counter_sql import SqlCounter

        return SqlCounter(self.db)

    @cached_property
    def mailer(self) -> Mailer:
        """Sends mail by SMTP, or writes it to a folder."""
        m = self.settings.mail
        if m.transport == "file":
            from bonded.adapters.mailer_file import FileMailer

            return FileMailer(self.directory / m.folder)
        from bonded.adapters.mailer_smtp import SmtpMailer

        password = (self.directory / m.password_file).read_text().strip() if m.password_file else ""
        return SmtpMailer(m.host, m.port, username=m.username, password=password, starttls=m.starttls)

    @cached_property
    def sandbox(self) -> Sandbox:
        """The strictest isolation that works here, or the one that was asked for."""
        return sandbox_for(self.settings.screening.sandbox)

    @cached_property
    def outside_loader(self) -> Callable[[], Outside]:
        """Knows the checks of outside packages and the dropped-in rules."""
        s = self.settings.screening
        return outside_checks(
            tuple(self.directory / one for one in s.plugins),
            self.directory / s.yara_rules if s.yara_rules else None,
            lambda: self.sandbox,
        )

    def outside(self) -> Outside:
        """Outside checks as they are now; the registry of checks asks."""
        return self.outside_loader()

    @cached_property
    def screening(self) -> ScreeningContext:
        """What screening jobs work with."""
        from bonded.screening.settings import ScreeningContext

        return ScreeningContext(self.db, self.vault, self.sandbox, self.screening_settings)

    @cached_property
    def screening_settings(self) -> ScreeningSettings:
        """Mode, policy, limits and rules about checks. Raises BadPolicy."""
        from bonded.screening.policy_file import load_policy
        from bonded.screening.precision import PrecisionSettings
        from bonded.screening.run import ScanSettings
        from bonded.screening.settings import ScreeningSettings
        from bonded.screening.states import CheckState

        s = self.settings.screening
        limits = ScanSettings(cpu_seconds=s.cpu_seconds, memory_bytes=s.memory_mb * 2**20)
        policy = load_policy(self.directory / s.policy if s.policy else None)
        precise = PrecisionSettings(s.precision_floor, s.precision_floors, s.precision_least, s.precision_days)
        return ScreeningSettings(Mode(s.mode), policy, limits, CheckState(s.new_checks), precise, self.names)

    @property
    def names(self) -> NameLists:
        """Names that new projects must not resemble. Raises SettingsError."""
        from bonded.screening.name_lists import BadNames, load_names

        s = self.settings.screening
        try:
            return load_names(s.private_names, self.directory / s.popular_names if s.popular_names else None)
        except BadNames as error:
            raise SettingsError(str(error)) from None

    @cached_property
    def history(self) -> ScreeningContext:
        """The same for backfills, whose sandbox is their own: its processes give way as the threads that start it do."""
        return replace(self.screening, sandbox=sandbox_for(self.settings.screening.sandbox))

    @cached_property
    def review(self) -> ReviewContext:
        """What the jobs of review work with."""
        from bonded.review.settings import ReviewContext

        s = self.settings.screening
        return ReviewContext(self.db, self.vault, self.sandbox, s.cpu_seconds, s.memory_mb * 2**20)

    @cached_property
    def spool(self) -> Path:
        """Where uploads are received; on the vault's file system, so that accepting one is a link."""
        where = self.settings.storage.vault
        folder = self.directory / "run" if where.startswith("s3://") else (self.directory / where).parent / "run"
        spool = folder / "spool"
        spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        return spool

    @cached_property
    def upload(self) -> UploadContext:
        """What accepting an upload works with."""
        from bonded.upload.accept import UploadContext

        return UploadContext(self.db, self.vault, self.limits, Mode(self.settings.screening.mode))

    @property
    def limits(self) -> UploadLimits:
        """Caps and policies of uploads."""
        from bonded.upload.limits import UploadLimits

        u = self.settings.upload
        return UploadLimits(
            max_file_bytes=u.max_file_bytes,
            max_form_bytes=u.max_form_bytes,
            linux_tags=u.linux_tags,
            local_versions=u.local_versions,
            direct_references=u.direct_references,
            exact_names=u.exact_names,
            prohibited=frozenset(map(normalize, u.prohibited)),
            freeze_after=timedelta(days=u.freeze_after_days) if u.freeze_after_days else None,
        )

    def new_receiver(self, content_type: str) -> Receiver:
        """A receiver for one upload. Raises Refusal."""
        from bonded.upload.receive import Receiver

        return Receiver(self.limits, self.spool, content_type)

    @cached_property
    def web(self) -> Wsgi:
        """The web application."""
        from bonded.accounts.login import LoginLimits
        from bonded.web.app import make_wsgi
        from bonded.web.context import WebContext, WebSettings

        s = self.settings
        secure = {"always": True, "never": False}.get(s.account.secure_cookies, s.url.startswith("https:"))
        look = WebSettings(
            name=s.name,
            url=s.url,
            dev=s.dev,
            secure=secure,
            contact=s.security_contact,
            session_lifetime=timedelta(seconds=s.account.session_lifetime),
            confirm_lifetime=timedelta(seconds=s.account.confirm_lifetime),
            reports_per_hour=s.service.reports_per_hour,
            login_limits=LoginLimits(account_and_network=s.account.logins_per_5_minutes),
            second_factor=s.account.second_factor,
        )
        return make_wsgi(
            WebContext(
                db=self.db,
                upload=self.upload,
                counter=self.counter,
                clock=self.clock,
                public=self.public,
                sealer=self.sealer,
                service=self.service,
                settings=look,
            )
        )

    @property
    def serve_settings(self) -> ServeSettings:
        """Limits and times of the server."""
        from bonded.serve.context import ServeSettings

        s = self.settings
        return ServeSettings(
            trusted_proxies=s.trusted_proxies,
            threads=s.serve.threads,
            request_timeout=s.serve.request_timeout,
            max_upload=s.upload.max_file_bytes + s.upload.max_form_bytes,
            upload_idle_timeout=s.upload.read_timeout,
            upload_total_timeout=s.upload.total_timeout,
            page_ttl=s.tuf.page_ttl,
            package_bound=s.purge.bound,
            purged=s.purge.engine not in ("none", "nginx"),
            grace=s.tuf.sweep_grace,
            access_log=s.log.format if s.log.level in ("debug", "info") else "off",
        )

    def http(self) -> ServeContext:
        """What one HTTP process works with."""
        from bonded.serve.context import ServeContext

        s, limits = self.settings, self.serve_settings
        public = self.public if s.storage.public.startswith("s3://") else self.directory / s.storage.public
        return ServeContext(
            public,
            self.web,
            self.new_receiver,
            self.clock,
            may_upload=self.may_upload,
            new_submission=self.new_submission,
            may_submit=self.may_submit,
            ready=self.problems,
            alarms=self.alarms,
            levels=self.levels,
            settings=limits,
        )

    @property
    def service_limits(self) -> ServiceLimits:
        """What the operator allows those who have archives screened."""
        from bonded.screening.outbound import Rules
        from bonded.screening.service import ServiceLimits

        s = self.settings.service
        return ServiceLimits(
            open_to=s.open_to,
            max_file_bytes=s.max_file_bytes,
            per_hour=s.per_hour,
            max_waiting=s.max_waiting,
            keep=timedelta(days=s.keep_days),
            fetch=Rules(s.fetch_hosts, s.private_hosts),
            fetch_timeout=s.fetch_timeout,
        )

    @cached_property
    def service(self) -> ServiceContext:
        """What taking archives of elsewhere in works with."""
        from bonded.screening.service import ServiceContext

        return ServiceContext(self.db, self.vault, self.counter, self.service_limits)

    @property
    def osv_settings(self) -> OsvSettings:
        """How confirmed malware is told to the world."""
        from bonded.screening.osv import OsvSettings

        s = self.settings
        return OsvSettings(s.service.osv_prefix, s.service.osv_ecosystem, s.url.rstrip("/") + "/")

    @property
    def webhook_rules(self) -> Rules:
        """Where webhooks may lead."""
        from bonded.screening.outbound import Rules

        return Rules(None, self.settings.service.private_hosts)

    def new_submission(self, content_type: str) -> Receiver:
        """A receiver for one archive that is only screened. Raises Refusal."""
        from bonded.upload.receive import Receiver

        limits = replace(self.limits, max_file_bytes=self.settings.service.max_file_bytes)
        return Receiver(limits, self.spool, content_type)

    def may_submit(self, headers: Mapping[str, str], address: str) -> bool:
        """Whether a submission with these headers is worth receiving."""
        from bonded.web.api.screening import may_submit

        return may_submit(self.db, headers, address, self.clock())

    def may_upload(self, headers: Mapping[str, str], address: str) -> bool:
        """Whether an upload with these headers is worth receiving."""
        from bonded.web.api.legacy import may_upload

        return may_upload(self.db, headers, address, self.clock())

    def problems(self) -> list[str]:
        """What keeps the server from doing its work, one sentence each."""
        from sqlalchemy.exc import SQLAlchemyError

        from bonded.db.engine import alive

        try:
            alive(self.db)
        except SQLAlchemyError:
            return ["the database does not answer"]
        return []

    @property
    def metrics_folder(self) -> Path:
        """Where the processes of this machine count."""
        return self.directory / "run" / "metrics"

    def status(self) -> Status:
        """The state of signing, read anew when it is older than a few seconds: load balancers ask often."""
        from bonded.tuf.status import status

        now, seen = self.clock(), self._seen
        if not seen or not timedelta(0) <= now - seen[0][0] < SEEN:
            seen[:] = [(now, status(self.db, self.public, now, flips=0))]
        return seen[0][1]

    @cached_property
    def _seen(self) -> list[tuple[datetime, Status]]:
        """The status that was read last and when, at most one."""
        return []

    def alarms(self) -> list[str]:
        """What needs a person, one sentence each."""
        return [f"{alarm.severity}: {alarm.sentence()}" for alarm in self.status().alarms]

    def levels(self) -> list[Level]:
        """Figures that are read when somebody asks for metrics."""
        from bonded.ops.levels import levels, of_workers

        return levels(self.status(), self.clock()) + of_workers(self.db, self.clock()) + self._levels_of_checks()

    def _levels_of_checks(self) -> list[Level]:
        """Figures of the checks, read anew once a minute; none while the database is away."""
        from sqlalchemy.exc import SQLAlchemyError

        from bonded.screening.levels import levels

        now, seen, settings = self.clock(), self._seen_checks, self.screening_settings
        if not seen or not timedelta(0) <= now - seen[0][0] < timedelta(minutes=1):
            try:
                with self.db.read() as conn:
                    seen[:] = [(now, levels(conn, settings.precision, now, settings.new_checks))]
            except SQLAlchemyError:
                return []
        return seen[0][1]

    @cached_property
    def _seen_checks(self) -> list[tuple[datetime, list[Level]]]:
        """The figures that were read last and when, at most one."""
        return []

    def jobs(self) -> dict[str, Handler]:
        """Every queue with its handler."""
        from functools import partial

        from bonded.mail import job as mail
        from bonded.mail.compose import MailSettings
        from bonded.review import compare, grouping
        from bonded.screening.backfill_part import run_part
        from bonded.screening.job import screen
        from bonded.screening.reports import ReportMail
        from bonded.screening.reports import handle as answer
        from bonded.screening.service_job import SubmissionContext
        from bonded.screening.service_job import handle as judge
        from bonded.screening.webhooks import WebhookContext
        from bonded.screening.webhooks import handle as deliver
        from bonded.tuf import document_jobs, plain, purge, takedown

        s = self.settings
        post = mail.MailContext(self.db, self.mailer, MailSettings(s.name, s.url.rstrip("/") + "/", s.mail.sender))
        return {
            "screen": partial(screen, self.screening),
            "submission": partial(judge, SubmissionContext(self.screening, self.service_limits, self.spool)),
            "report-mail": partial(answer, ReportMail(self.db, self.mailer, s.name, s.mail.sender)),
            "webhook": partial(deliver, WebhookContext(self.db, self.webhook_rules, s.service.webhook_timeout)),
            "backfill": partial(run_part, self.history),
            "group": partial(grouping.handle, self.review),
            "compare": partial(compare.handle, self.review),
            "takedown": partial(takedown.handle, self.keeper),
            "plain": partial(plain.handle, self.keeper),
            "documents": partial(document_jobs.handle, self.keeper),
            "purge": partial(purge.handle, self.keeper),
            "mail": partial(mail.handle, post),
        }

    def rounds(self) -> list[tuple[timedelta, Callable[[datetime], object]]]:
        """House-keeping of the worker: how often, and what."""
        from bonded.accounts.expiry import expire
        from bonded.db.workers import forget
        from bonded.screening.demotion import demote
        from bonded.screening.osv import sync
        from bonded.screening.schedule import tick
        from bonded.screening.service import expire as expire_service
        from bonded.screening.webhooks import follow
        from bonded.tuf.squeeze import Squeezer
        from bonded.tuf.status import status
        from bonded.tuf.tell import tell
        from bonded.upload.spool import sweep

        longest = timedelta(seconds=self.settings.upload.total_timeout) + timedelta(hours=1)

        def expired(now: datetime) -> None:
            with self.db.write() as tx:
                expire(tx, now=now)
                forget(tx, now=now)
                expire_service(tx, self.service_limits, now=now)

        def spooled(now: datetime) -> None:
            sweep(self.spool, older_than=longest, now=now)

        def alarmed(now: datetime) -> None:
            tell(self.db, status(self.db, self.public, now, flips=0).alarms, now)

        def by_the_clock(now: datetime) -> None:
            tick(self.db, now, self.screening_settings.new_checks)

        def followed(now: datetime) -> None:
            follow(self.db, now)

        def advised(now: datetime) -> None:
            sync(self.db, self.osv_settings, now)

        def watched(now: datetime) -> None:
            demote(self.db, self.screening_settings.precision, now)

        squeezer = Squeezer(self.public)

        def squeezed(_now: datetime) -> None:
            squeezer.squeeze()

        return [
            (timedelta(hours=6), expired),
            (timedelta(hours=1), spooled),
            (timedelta(seconds=20), by_the_clock),
            (timedelta(minutes=10), watched),
            (timedelta(minutes=1), alarmed),
            (timedelta(seconds=2), followed),
            (timedelta(seconds=10), advised),
            (timedelta(seconds=5), squeezed),
        ]

    def forked(self) -> None:
        """Forget what must not be shared with the parent process. Call first in every child."""
        if "db" in self.__dict__:
            self.db.forked()

    def closed(self) -> None:
        """Close what is open. Call before forking."""
        if "db" in self.__dict__:
            self.db.close()


def sandbox_for(wanted: str) -> Sandbox:
    """The sandbox named `wanted`: "bubblewrap", "rlimits", or "auto" for the strictest that works here."""
    from bonded.adapters.sandbox_pick import pick

    return pick(wanted)


def outside_checks(
    plugins: tuple[Path, ...], drop_in: Path | None, sandbox: Callable[[], Sandbox]
) -> Callable[[], Outside]:
    """What knows the checks of the packages and folders `plugins` and of the folder `drop_in`, run like `sandbox` is."""
    from bonded.adapters.sandbox_plugin import plugin_sandbox
    from bonded.screening.loading import Loader, Sources

    return Loader(
        Sources(plugins, drop_in), sandbox, lambda python, folders: plugin_sandbox(sandbox(), python, folders)
    )


def public_key(
    uri: str, directory: Path, *, pkcs11_module: str = "", pin_file: str = "", passphrase_file: str = "keys/passphrase"
) -> tuple[str, dict[str, Any]]:
    """(key id, public key in the TUF metadata form) of the key at `uri`, wherever it lives; files are under `directory`.

    Needs no data directory. Raises SettingsError for what is no URI of a key, SignerUnusable in one sentence.
    """
    from bonded.adapters.signer_uri import BadUri, Secrets
    from bonded.adapters.signer_uri import public_key as of_uri

    try:
        return of_uri(uri, Secrets(directory, passphrase_file, pin_file, pkcs11_module))
    except BadUri as error:
        raise SettingsError(str(error)) from None


def open_house(directory: Path) -> House:
    """The House of an existing data directory. Raises SettingsError."""
    from bonded.checks.outside import provide

    directory = directory.absolute()
    house = House(directory, load(directory))
    provide(house.outside)
    return house
