"""The one mail that somebody gets who reported a project and left an address: how it ended, in the language of the report."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from bonded.mail.catalogues import choose, translations
from bonded.mail.compose import MailSettings
from bonded.values.text import clean


def _(text: str) -> str:
    """Marks a string for translation."""
    return text


SUBJECT = _("Your report on %(project)s")
THANKS = _("You reported %(project)s to %(index)s. Thank you.")
LINKED = _(
    "A reviewer looks into it, together with what the index itself found. What comes of it shows on the project's page."
)
CLOSED = _("It was closed for this reason: %(reason)s")
FORGOTTEN = _("Your address is deleted with this mail.")


def answer(
    settings: MailSettings, to: str, language: str, project: str, version: str, reason: str | None, now: datetime
) -> EmailMessage:
    """The message. `to` is an address, `language` that of the form ("" is English), `version` "" for the whole project, `reason`
    what a reviewer wrote in closing the report, None where it was linked to a case. Raises ValueError for what is no address."""
    chosen = choose(language, settings.languages)
    translate = translations(chosen).gettext
    about = clean(f"{project} {version}".strip())
    ended = translate(LINKED) if reason is None else translate(CLOSED) % {"reason": clean(reason)}
    thanks = translate(THANKS) % {"project": about, "index": settings.index_name}
    mail = EmailMessage(policy=SMTP)
    name, address = parseaddr(settings.sender)
    mail["From"], mail["To"] = Address(display_name=name, addr_spec=address), Address(addr_spec=to)
    mail["Subject"] = translate(SUBJECT) % {"project": clean(project)}
    mail["Date"] = format_datetime(now)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n\n".join((thanks, ended, translate(FORGOTTEN))) + "\n")
    mail["Content-Language"] = chosen.replace("_", "-")
    return mail
