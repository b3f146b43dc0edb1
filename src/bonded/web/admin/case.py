"""One case: its files, the evidence ranked beside the code, what was decided before, and the decision."""

from __future__ import annotations

from pyramid.response import Response
from sqlalchemy import Connection

from bonded.accounts import people
from bonded.catalog.requirements import dependants
from bonded.review import claims, compare, queue
from bonded.review.evidence import Evidence, text_of
from bonded.review.queue import Case, CaseFile
from bonded.review.reasons import REASONS
from bonded.review.scope import FITTING, Level
from bonded.review.suppress import NO_SUCH_FINDING, content_of, suppressions
from bonded.review.two_people import proposals
from bonded.review.undo import last
from bonded.review.uploaders import of_files
from bonded.values.actions import ACTIONS
from bonded.values.refusals import Refusal
from bonded.web.admin.evidence import Card, card
from bonded.web.forms import Form, whole
from bonded.web.history import latest_in
from bonded.web.identity import actor
from bonded.web.request import Request

MOST_CARDS = 20
"""Findings shown with code; the rest is listed. Nobody reads more, and the page stays small."""
DECISIONS = (
    *(name for name in ACTIONS if name.startswith("review.") and name != "review.see"),
    *("file.hold", "file.refuse", "file.withdraw", "file.publish"),
)
KEYS = {"release": "l", "quarantine": "q", "reject": "j", "remove": "m", "ask-owner": "k", "reopen": "b"}
"""Access keys of the acts; a browser wants a modifier with them, so no letter typed by mistake decides anything."""


def show(request: Request) -> Response:
    """The page. Raises Refusal (no-such-case, bad-form)."""
    return page(request, Form(request), 200)


def page(request: Request, form: Form, status: int) -> Response:
    """The page with what is wrong with the decision's form."""
    with request.db.read() as conn:
        case = queue.case(conn, whole(request.part("case")))
        known = _suppressed(conn, request)
        kept = {one.id: text_of(conn, one.evidence) for one in case.findings if one.evidence}
        shown = [one for one in case.findings if not _is_known(one, kept.get(one.id), case, known)]
        quiet = [one for one in case.findings if one not in shown]
        names = people.names(conn, _people(case))
        history = latest_in(request, conn, case.line.project_key, DECISIONS)
        pairs = [pair for one in case.files for pair in compare.pairs(conn, one.file)]
        undo = last(conn, actor(request), request.now)
        uploaders = of_files(conn, [one.file for one in case.files], request.now)
        working = claims.holder(case.line, request.now)
        proposed = proposals(conn, [one.file.id for one in case.files], request.now)
        names |= people.names(conn, {one.user_id for one in proposed.values()} | {working} - {""})
        needed = dependants(conn, [case.line.project_key]).get(case.line.project_key, 0)
    states = {one.file.state for one in case.files}
    return request.page(
        "admin/case.html",
        status=status,
        case=case,
        cards=[card(one, kept.get(one.id)) for one in shown[:MOST_CARDS]],
        more=[*shown[MOST_CARDS:], *quiet],
        quiet=len(quiet),
        seen=[seen(one) for one in case.files],
        filenames={one.file.id: one.file.filename for one in case.files},
        names=names,
        acts=[act for act, fitting in FITTING.items() if states & fitting],
        keys=KEYS,
        reasons=REASONS,
        uploaders=uploaders,
        working=working,
        mine=actor(request).user_id,
        proposed=proposed,
        dependants=needed,
        late=case.line.state == "open" and request.now - case.line.opened_at > request.settings.answer_within,
        levels=list(Level),
        compared=len(pairs),
        history=history,
        undo=undo,
        form=form,
        actions=ACTIONS,
    )


def seen(one: CaseFile) -> str:
    """What the page shows of a file that a decision rests on: its state and who decided last."""
    return f"{one.file.id} {one.file.state} {one.decided.journal_id if one.decided else 0}"


def evidence(request: Request) -> Response:
    """One finding with everything that was kept of its member, each line with an anchor. Raises Refusal."""
    number = whole(request.part("finding"))
    with request.db.read() as conn:
        case = queue.case(conn, whole(request.part("case")))
        one = next((found for found in case.findings if found.id == number), None)
        if one is None:
            raise Refusal(NO_SUCH_FINDING, f"there is no finding {number} in this case")
        shown = _card(conn, one, whole_text=True)
    return request.page("admin/finding.html", case=case, card=shown)


def _card(conn: Connection, one: Evidence, *, whole_text: bool = False) -> Card:
    return card(one, text_of(conn, one.evidence) if one.evidence else None, whole=whole_text)


def _suppressed(conn: Connection, request: Request) -> frozenset[tuple[str, str, str]]:
    return frozenset((one.check, one.path, one.content_sha256) for one in suppressions(conn, now=request.now))


def _is_known(one: Evidence, kept: object, case: Case, known: frozenset[tuple[str, str, str]]) -> bool:
    """Whether a suppression covers the finding: it counts nothing in later screenings."""
    digests = {file.file.sha256 for file in case.files if file.file.id == one.file_id}
    digests.add(content_of(kept if isinstance(kept, dict) else None))
    return any((one.finding.check, one.finding.path, digest) in known for digest in digests)


def _people(case: Case) -> set[str]:
    uploaders = {one.file.uploader_id for one in case.files}
    return uploaders | {one.decided.actor_id for one in case.files if one.decided and one.decided.actor_id}
