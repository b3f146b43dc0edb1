"""What accounts are made and kept with: who may register, leaked passwords, and the DNS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bonded.settings import SettingsError
from bonded.values.text import written
from bonded.wiring.stores import Stores

if TYPE_CHECKING:
    from bonded.accounts.registration_rules import RegistrationRules
    from bonded.seams import MailDomains, PasswordRanges


@dataclass(frozen=True)
class People(Stores):
    """Rules and outside knowledge about people."""

    @cached_property
    def registration_rules(self) -> RegistrationRules:
        """Who may register, with which names and addresses. Raises SettingsError."""
        from bonded.accounts.mail_domains import DomainRules, read_list
        from bonded.accounts.registration_rules import Mode, RegistrationRules

        r = self.settings.registration
        listed = "\n".join(r.refused_domains)
        if r.refused_domains_file:
            try:
                listed += "\n" + written((self.directory / r.refused_domains_file).read_bytes())
            except (OSError, ValueError) as error:
                raise SettingsError(f"`registration.refused_domains_file` cannot be read: {error}") from None
        domains = DomainRules(refused=read_list(listed), only=read_list("\n".join(r.only_domains)))
        return RegistrationRules(Mode(r.mode), domains, frozenset(r.prohibited_names), r.per_hour)

    @property
    def ask_mail(self) -> bool:
        """Whether unusual logins are confirmed by mail."""
        wanted = self.settings.account.confirm_unusual
        return {"always": True, "never": False}.get(wanted, self.settings.mail.transport == "smtp")

    @cached_property
    def ranges(self) -> PasswordRanges | None:
        """Passwords that are known from leaks. Raises SettingsError."""
        from bonded.adapters.ranges_file import FileRanges

        wanted = self.settings.account.breached_passwords
        if not wanted:
            return None
        path = self.directory / wanted
        if not path.exists():
            raise SettingsError(f"`account.breached_passwords`: there is no {path}")
        return FileRanges(path)

    @cached_property
    def mail_domains(self) -> MailDomains | None:
        """Asks the DNS about mail domains; None where the operator does not want it. Raises SettingsError."""
        from bonded.adapters.mail_domains_dns import DnsMailDomains

        a = self.settings.account
        if not a.check_mail_domains:
            return None
        try:
            return DnsMailDomains(a.dns_servers)
        except (ValueError, OSError) as error:
            raise SettingsError(f"`account.dns_servers` cannot be used: {error}") from None
