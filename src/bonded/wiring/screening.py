"""What runs and judges checks: sandbox, policy, rules, the screening service, review."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bonded.settings import SettingsError
from bonded.values.states import Mode
from bonded.wiring.stores import Stores

if TYPE_CHECKING:
    from bonded.checks.outside import Outside
    from bonded.ops.vulnerability_feed import FeedSettings
    from bonded.review.settings import ReviewContext
    from bonded.screening.name_lists import NameLists
    from bonded.screening.osv import OsvSettings
    from bonded.screening.outbound import Rules
    from bonded.screening.service import ServiceContext, ServiceLimits
    from bonded.screening.settings import ScreeningContext, ScreeningSettings
    from bonded.seams import Sandbox


@dataclass(frozen=True)
class Screening(Stores):
    """Checks, their limits and settings, and those who ask for them."""

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
    def feed_settings(self) -> FeedSettings:
        """Where known vulnerabilities come from."""
        from datetime import timedelta

        from bonded.ops.vulnerability_feed import FeedSettings
        from bonded.screening.outbound import Rules

        s = self.settings.vulnerabilities
        source = s.feed if not s.feed or "://" in s.feed else str(self.directory / s.feed)
        rules = Rules(s.hosts, s.private_hosts)
        every, old = timedelta(hours=s.every_hours), timedelta(days=s.old_days) or None
        return FeedSettings(source, self.settings.service.osv_ecosystem, rules, every, old)

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
