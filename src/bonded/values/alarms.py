"""What an alarm is, and the words of each kind: the one table behind mails, pages, commands, figures and documentation.

An alarm is decided in `tuf/alarms.py` from what is true at a moment. Its sentence is English with %(name)s places;
whoever shows it passes its own translation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum


class Severity(StrEnum):
    """How soon a person is needed."""

    WARNING = "warning"
    """In working hours."""
    CRITICAL = "critical"
    """Now: clients are refused, or bytes are served that must not be."""


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """One kind. `sentence` says what is the matter, `advice` what to do first; both English, for translation."""

    name: str
    severity: Severity
    sentence: str
    advice: str


def _(text: str) -> str:
    return text


def _kinds(*kinds: AlarmKind) -> dict[str, AlarmKind]:
    table = {kind.name: kind for kind in kinds}
    assert len(table) == len(kinds), "a kind of alarm is listed twice"
    return table


K, WARNING, CRITICAL = AlarmKind, Severity.WARNING, Severity.CRITICAL

KINDS: dict[str, AlarmKind] = _kinds(
    K(
        "offline-expires",
        WARNING,
        _("The role %(role)s expires on %(date)s (days left: %(days)s)."),
        _("It is signed offline: hold a ceremony in time. The documentation on keys says how."),
    ),
    K(
        "role-expired",
        CRITICAL,
        _("The role %(role)s has expired: clients refuse the index."),
        _(
            "An online role is renewed by the publisher or the refresher: see that one of them runs. An offline role needs a "
            "ceremony."
        ),
    ),
    K(
        "margin-low",
        WARNING,
        _("The role %(role)s is valid for %(time)s more, less than half of its life: nobody renews it."),
        _("See that the publisher or the refresher runs, that the signer answers, and what their log says."),
    ),
    K(
        "bins-late",
        WARNING,
        _("The first of the signed bins expires in %(time)s: bins are renewed too late."),
        _("See that the publisher or the refresher runs and what its log says about bins."),
    ),
    K(
        "bins-expired",
        CRITICAL,
        _("Signed bins have expired (%(count)s): clients refuse what is in them."),
        _("See that the publisher or the refresher runs and what its log says about bins."),
    ),
    K(
        "bins-large",
        WARNING,
        _("The longest of the signed bins has %(size)s bytes, of %(limit)s that clients accept."),
        _(
            "The index outgrows its number of bins: plan a ceremony that chooses more. The documentation on rotation says how."
        ),
    ),
    K(
        "bins-refused",
        CRITICAL,
        _(
            "The longest of the signed bins has %(size)s bytes, more than the %(limit)s that clients accept: they refuse what is in it."
        ),
        _("Hold a ceremony that chooses more bins, today. The documentation on rotation says how."),
    ),
    K(
        "publisher-stalled",
        CRITICAL,
        _("Changes wait to be published (%(count)s), the oldest for %(time)s."),
        _("See that the publisher runs and what its log says; `bonded tuf status` shows what is live."),
    ),
    K(
        "rows-parked",
        WARNING,
        _("Changes that could not be published are set aside (%(count)s)."),
        _("The publisher's log names the project and the reason. Everything else is published."),
    ),
    K(
        "database-behind",
        CRITICAL,
        _("The public store is newer than the database (publication %(live)s): nothing is published."),
        _("The database was restored from an older state. Follow the page on restoring: `bonded tuf recover`."),
    ),
    K(
        "change-stands",
        WARNING,
        _("The change of keys or bins (%(kind)s) has stood at one step for %(time)s."),
        _("What it waits for may be an act of yours. `bonded tuf status` and the page of signing show the steps."),
    ),
    K(
        "job-overdue",
        CRITICAL,
        _("A job of the queue %(queue)s has been due for %(time)s."),
        _("See that the worker runs; `bonded job list` shows the job's last error."),
    ),
    K(
        "jobs-dead",
        WARNING,
        _("Jobs of the queue %(queue)s used up their attempts (%(count)s): their work is not done."),
        _("`bonded job list` shows the error. Then retry the jobs, or discard them with a reason."),
    ),
    K(
        "seal-late",
        WARNING,
        _("Rows of the journal wait to be sealed (%(count)s), the oldest for %(time)s."),
        _("The publisher seals the journal: see that it runs and what its log says."),
    ),
    K(
        "check-demoted",
        WARNING,
        _("The check %(check)s went back to evaluation: %(reason)s."),
        _(
            "It decides nothing until somebody sets its state. Look at what it found and reviewers released; then mend it, "
            "enable it again, or disable it: `bonded check set-state`."
        ),
    ),
    K(
        "unread-many",
        WARNING,
        _("Of the newest uploads, %(percent)s in a hundred could not be read wholly (%(count)s)."),
        _(
            "Those files wait for people. The verdicts say why: an attack, or a limit that is too low, or a check that fails."
        ),
    ),
    K(
        "feed-failed",
        WARNING,
        _("The last import of known vulnerabilities failed."),
        _(
            "`bonded vulnerability status` says why; what was imported before goes on being shown. See the feed and the settings under "
            "[vulnerabilities]."
        ),
    ),
    K(
        "feed-old",
        WARNING,
        _("What is known here of vulnerabilities is as of %(date)s."),
        _(
            "See that the worker runs and that the feed is renewed where it comes from: `bonded vulnerability status`. A small feed of "
            "your own may stay as it is: set vulnerabilities.old_days to 0."
        ),
    ),
    K(
        "accounts-key",
        CRITICAL,
        _(
            "A host has another account.key_file than the one that secrets are sealed with: API tokens and authentication apps fail there."
        ),
        _(
            "Copy the file from a host where they work, or from a backup, and start the host again. If it is lost for good: "
            "`bonded policy key --accept`."
        ),
    ),
    K(
        "store-unreadable",
        CRITICAL,
        _("The public store cannot be read, or metadata are missing in it: %(detail)s."),
        _("See that the store answers. `bonded fsck` says what is missing."),
    ),
    K(
        "database-away",
        CRITICAL,
        _("The database does not answer (%(detail)s)."),
        _("Installers go on. See that the database runs; a refresher keeps the metadata valid meanwhile."),
    ),
)


def short(time: timedelta) -> str:
    """A duration in units that are the same in most languages: "3 d 4 h", "2 h 5 min", "40 s"."""
    seconds = max(0, int(time.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm at one moment.

    `key` names what it is about: as long as the key stays, it is one alarm. `step` counts from 1 and rises as it gets
    worse: people are told once for each step. `values` fill the places of the sentence; `time` is in seconds.
    """

    kind: str
    key: str
    step: int = 1
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """How soon a person is needed."""
        return KINDS[self.kind].severity

    def worded(self, span: Callable[[timedelta], str]) -> Alarm:
        """The same with its time in the words of `span`; in a row from before times were in seconds it has words already."""
        time = self.values.get("time", "")
        if not time.isdecimal():
            return self
        return replace(self, values={**self.values, "time": span(timedelta(seconds=int(time)))})

    def sentence(self, translate: Callable[[str], str] = str) -> str:
        """What is the matter, in the language of `translate`."""
        return translate(KINDS[self.kind].sentence) % dict(self.worded(short).values)

    def advice(self, translate: Callable[[str], str] = str) -> str:
        """What to do first, in the language of `translate`."""
        return translate(KINDS[self.kind].advice)
