"""What one HTTP process works with: pages, limits of the server, health, figures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from bonded.wiring.people import People
from bonded.wiring.publishing import Publishing
from bonded.wiring.screening import Screening
from bonded.wiring.stores import OTHER_KEY
from bonded.wiring.trusted import Trusted
from bonded.wiring.uploads import Uploads

if TYPE_CHECKING:
    from bonded.serve.context import ServeContext, ServeSettings
    from bonded.telemetry.metrics import Level
    from bonded.web.app import Wsgi


@dataclass(frozen=True)
class Answers(Trusted, Publishing, Screening, Uploads, People):
    """The web application and the server around it."""

    @cached_property
    def web(self) -> Wsgi:
        """The web application."""
        from bonded.accounts.login_limits import LoginLimits
        from bonded.screening.states import CheckState
        from bonded.values.languages import offered
        from bonded.web.app import make_wsgi
        from bonded.web.context import WebContext, WebSettings
        from bonded.wiring.in_force import in_force

        s = self.settings
        secure = {"always": True, "never": False}.get(s.account.secure_cookies, s.url.startswith("https:"))
        look = WebSettings(
            name=s.name,
            url=s.url,
            content_url=s.content_url,
            dev=s.dev,
            secure=secure,
            contact=s.security_contact,
            accessibility_contact=s.accessibility_contact,
            session_lifetime=timedelta(seconds=s.account.session_lifetime),
            confirm_lifetime=timedelta(seconds=s.account.confirm_lifetime),
            reports_per_hour=s.service.reports_per_hour,
            login_limits=LoginLimits(account_and_network=s.account.logins_per_5_minutes),
            second_factor=s.account.second_factor,
            registration=self.registration_rules,
            ask_mail=self.ask_mail,
            languages=offered(drafts=s.language.drafts, pseudo=s.language.pseudo, only=s.language.only),
            answer_within=timedelta(hours=s.review.answer_within_hours),
            two_people_dependants=s.review.two_people_dependants,
            decisions_count=timedelta(days=s.screening.precision_days),
            new_checks=CheckState(s.screening.new_checks),
        )
        return make_wsgi(
            WebContext(
                db=self.db,
                upload=self.upload,
                counter=self.counter,
                clock=self.clock,
                public=self.public,
                sealer=self.sealer,
                publishing=self.trusted_publishing,
                service=self.service,
                settings=look,
                in_force=in_force(s, os.environ),
                ranges=self.ranges,
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

    def may_submit(self, headers: Mapping[str, str], address: str) -> bool:
        """Whether a submission with these headers is worth receiving."""
        from bonded.web.api.screening import may_submit

        return may_submit(self.db, self.sealer, headers, address, self.clock())

    def may_upload(self, headers: Mapping[str, str], address: str) -> bool:
        """Whether an upload with these headers is worth receiving."""
        from bonded.web.api.legacy import may_upload

        asked = self.settings.account.second_factor
        return may_upload(self.db, self.sealer, headers, address, self.clock(), second_factor=asked)

    def problems(self) -> list[str]:
        """What keeps the server from doing its work, one sentence each."""
        from sqlalchemy.exc import SQLAlchemyError

        from bonded.db.engine import alive

        try:
            alive(self.db)
        except SQLAlchemyError:
            return ["the database does not answer"]
        return [OTHER_KEY] if self.faults() else []

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
