"""What a worker does: every queue with its handler, and house-keeping by the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from bonded.wiring.people import People
from bonded.wiring.publishing import Publishing
from bonded.wiring.screening import Screening
from bonded.wiring.uploads import Uploads

if TYPE_CHECKING:
    from bonded.db.worker import Handler
    from bonded.mail.compose import MailSettings
    from bonded.ops.lanes import Lane


@dataclass(frozen=True)
class Jobs(Publishing, Screening, Uploads, People):
    """Queues, the threads that share them, and rounds."""

    def lanes(self) -> list[Lane]:
        """Which queues share threads."""
        from bonded.ops.lanes import lanes

        purging = bool(self.purger.active or self.purger.caches)
        s = self.settings.screening
        return lanes(self.jobs().keys(), screening=s.workers, backfilling=s.backfill_workers, purging=purging)

    @cached_property
    def letters(self) -> MailSettings:
        """What mails say of the index, and in which languages."""
        from bonded.mail.compose import MailSettings
        from bonded.values.languages import offered

        s = self.settings
        read = offered(drafts=s.language.drafts, pseudo=s.language.pseudo, only=s.language.only)
        return MailSettings(s.name, s.url.rstrip("/") + "/", s.mail.sender, read)

    def jobs(self) -> dict[str, Handler]:
        """Every queue with its handler."""
        from functools import partial

        from bonded.catalog import descriptions
        from bonded.mail import job as mail
        from bonded.mail import reporters
        from bonded.review import compare, grouping
        from bonded.screening.backfill_part import run_part
        from bonded.screening.job import screen
        from bonded.screening.reports import ReportMail
        from bonded.screening.reports import handle as answer
        from bonded.screening.service_job import SubmissionContext
        from bonded.screening.service_job import handle as judge
        from bonded.screening.webhooks import WebhookContext
        from bonded.screening.webhooks import handle as deliver
        from bonded.tuf import document_jobs, pack_jobs, plain, purge, takedown
        from bonded.upload import describe

        s, letters = self.settings, self.letters
        post = mail.MailContext(self.db, self.mailer, letters)
        return {
            "screen": partial(screen, self.screening),
            "submission": partial(judge, SubmissionContext(self.screening, self.service_limits, self.spool)),
            "report-mail": partial(answer, ReportMail(self.db, self.mailer, partial(reporters.answer, letters))),
            "webhook": partial(
                deliver, WebhookContext(self.db, self.sealer, self.webhook_rules, s.service.webhook_timeout)
            ),
            "backfill": partial(run_part, self.history),
            "group": partial(grouping.handle, self.review),
            "compare": partial(compare.handle, self.review),
            descriptions.QUEUE: partial(describe.handle, describe.DescribeContext(self.db, self.sandbox)),
            "takedown": partial(takedown.handle, self.keeper),
            "plain": partial(plain.handle, self.keeper),
            "documents": partial(document_jobs.handle, self.keeper),
            "purge": partial(purge.handle, self.keeper),
            pack_jobs.QUEUE: partial(pack_jobs.handle, self.keeper),
            "mail": partial(mail.handle, post),
        }

    def rounds(self) -> list[tuple[timedelta, Callable[[datetime], object], bool]]:
        """House-keeping of the worker: how often, what, and whether it asks a store or somebody else's server."""
        from bonded.accounts import recovery_deciding
        from bonded.accounts.expiry import expire
        from bonded.accounts.lost_domains import round_of
        from bonded.accounts.oidc_mint import sweep as sweep_publishing
        from bonded.accounts.reminders import remind
        from bonded.catalog import invitations
        from bonded.db.workers import forget
        from bonded.ops.vulnerability_feed import round_of as round_of_feed
        from bonded.screening.backfill import give_up as give_up_parts
        from bonded.screening.demotion import demote
        from bonded.screening.osv import sync
        from bonded.screening.schedule import tick
        from bonded.screening.service import expire as expire_service
        from bonded.screening.service_job import give_up
        from bonded.screening.webhooks import follow
        from bonded.tuf.pack_jobs import Asking
        from bonded.tuf.squeeze import Squeezer
        from bonded.tuf.status import status
        from bonded.tuf.tell import tell
        from bonded.upload import describe
        from bonded.upload.spool import sweep

        longest = timedelta(seconds=self.settings.upload.total_timeout) + timedelta(hours=1)

        def expired(now: datetime) -> None:
            with self.db.write() as tx:
                expire(tx, now=now)
                forget(tx, now=now)
                expire_service(tx, self.service_limits, now=now)

        def waited(now: datetime) -> None:
            with self.db.write() as tx:
                invitations.expire(tx, now=now)
                recovery_deciding.round_of(tx, now=now)
                give_up(tx, now=now)
                give_up_parts(tx, now=now)

        def reminded(now: datetime) -> None:
            remind(self.db, now)
            with self.db.write() as tx:
                sweep_publishing(tx, now=now)

        def spooled(now: datetime) -> None:
            sweep(self.spool, older_than=longest, now=now)

        def alarmed(now: datetime) -> None:
            tell(self.db, status(self.db, self.public, now, flips=0, faults=self.faults()).alarms, now)

        def by_the_clock(now: datetime) -> None:
            tick(self.db, now, self.screening_settings.new_checks)

        def followed(now: datetime) -> None:
            follow(self.db, now)

        def advised(now: datetime) -> None:
            sync(self.db, self.osv_settings, now)

        def fed(now: datetime) -> None:
            round_of_feed(self.db, self.feed_settings, now)

        def watched(now: datetime) -> None:
            demote(self.db, self.screening_settings.precision, now)

        def described(now: datetime) -> None:
            describe.refresh(self.db, now)

        def asked(now: datetime) -> None:
            if self.mail_domains is not None:
                round_of(self.db, self.mail_domains, now=now)

        squeezer = Squeezer(self.public)

        def squeezed(_now: datetime) -> None:
            squeezer.squeeze()

        asking = Asking(self.db, self.public)

        return [
            (timedelta(hours=6), expired, False),
            (timedelta(hours=1), asking.ask, True),
            (timedelta(hours=1), spooled, False),
            (timedelta(hours=1), reminded, False),
            (timedelta(minutes=10), waited, False),
            (timedelta(minutes=10), asked, True),
            (timedelta(seconds=20), by_the_clock, False),
            (timedelta(minutes=10), watched, False),
            (timedelta(minutes=1), alarmed, True),
            (timedelta(minutes=10), described, False),
            (timedelta(seconds=2), followed, False),
            (timedelta(seconds=10), advised, False),
            (timedelta(minutes=1), fed, True),
            (timedelta(seconds=5), squeezed, True),
        ]
