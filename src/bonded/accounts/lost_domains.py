"""Mail domains that are gone: whoever registers one anew would get the mails of the people who had addresses there.

Each domain is asked for once a day. One that was gone on every question for three days takes its addresses out of use: no link
to set a password goes there any more, and the person is told at another address of theirs, or the administrators are
(OpenSSF, Principles for Package Repository Security, Authentication 2). When the domain comes back, its addresses must be
confirmed anew: it may be somebody else's.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update

from bonded.accounts import address_book
from bonded.accounts.entry_tables import email_address, mail_domain
from bonded.accounts.mail_domains import domain_of
from bonded.accounts.tables import user
from bonded.db.engine import Database, Tx
from bonded.journal import record
from bonded.seams import MailDomain, MailDomains
from bonded.values.states import SubjectKind
from bonded.values.who import POLICY

ASK_EVERY = timedelta(days=1)
GONE_FOR = timedelta(days=3)
AT_ONCE = 50
"""Domains asked for in one round; rounds are frequent, so that slow answers hold nothing up for long."""
SOME = 4
RESERVED = ("localhost", "invalid", "test", "example", "local", "internal")
"""Names that are not in the public DNS (RFC 6761, RFC 6762), and single labels: nothing is asked about them."""


def round_of(db: Database, ask: MailDomains, *, now: datetime) -> int:
    """Ask for the domains that are due; returns how many. Twice at once, or cut off anywhere, does no harm."""
    with db.read() as conn:
        wanted = due(conn, now=now)
    answers = {domain: ask.look(domain) for domain in wanted}
    if _blind(answers.values()):
        answers = dict.fromkeys(answers, MailDomain.UNKNOWN)
    for domain, answer in answers.items():
        with db.write() as tx:
            note(tx, domain, answer, now=now)
    return len(wanted)


def _blind(answers: Collection[MailDomain]) -> bool:
    """Whether the server that was asked seems to know no names at all, as one on a network of its own."""
    gone = sum(answer is MailDomain.GONE for answer in answers)
    return len(answers) >= SOME and gone * 2 > len(answers)


def due(conn: Connection, *, now: datetime) -> list[str]:
    """Domains of confirmed addresses that were not asked for within a day, those never asked for first."""
    confirmed = select(email_address.c.address).where(email_address.c.verified_at.is_not(None))
    used = {domain_of(address) for address in conn.execute(confirmed).scalars()}
    asked = {row.domain: row.asked_at for row in conn.execute(select(mail_domain))}
    lately = {
        one for one, at in asked.items() if abs(now - at) < ASK_EVERY
    }  # a later time is of a clock that was ahead
    waiting = [one for one in used if _public(one) and one not in lately]
    return sorted(waiting, key=lambda one: (asked.get(one) or datetime.min.replace(tzinfo=now.tzinfo), one))[:AT_ONCE]


def note(tx: Tx, domain: str, answer: MailDomain, *, now: datetime) -> None:
    """Keep an answer; one that says "gone" for the third day takes the domain's addresses out of use."""
    known = tx.execute(select(mail_domain).where(mail_domain.c.domain == domain)).one_or_none()
    since = known.gone_since if known else None
    if answer is MailDomain.TAKES_MAIL:
        since = None
    elif answer is MailDomain.GONE:
        since = min(since or now, now)
    values = {"asked_at": now, "gone_since": since}
    if known is None:
        tx.execute(insert(mail_domain).values(values | {"domain": domain}))
    else:
        tx.execute(update(mail_domain).where(mail_domain.c.domain == domain).values(values))
    if answer is MailDomain.GONE and since is not None and now - since >= GONE_FOR:
        _take_out(tx, domain, now)


def _take_out(tx: Tx, domain: str, now: datetime) -> None:
    """Mails of the people concerned go to the next address of theirs that counts, where there is one."""
    confirmed = select(email_address).where(email_address.c.verified_at.is_not(None))
    for row in tx.execute(confirmed.where(email_address.c.key.endswith(f"@{domain}", autoescape=True))).all():
        tx.execute(update(email_address).where(email_address.c.id == row.id).values(verified_at=None, lost_at=now))
        left = [one.address for one in address_book.of_user(tx, row.user_id) if one.verified]
        if left:
            lost = (user.c.id == row.user_id) & (func.lower(user.c.email) == row.key)
            tx.execute(update(user).where(lost).values(email=left[0]))
        subject, facts, private = (SubjectKind.USER, row.user_id), {"address": row.id}, {"email": row.address}
        record(tx, "user.lost-domain", POLICY, subject, now=now, user=row.user_id, facts=facts, private=private)


def _public(domain: str) -> bool:
    labels = domain.split(".")
    return len(labels) > 1 and labels[-1] not in RESERVED
