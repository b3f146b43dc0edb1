"""Whoever reads the trail later asks why: which acts of administrators give a reason, and which need none."""

from __future__ import annotations

from bonded.values.actions import ACTIONS, Who

WITHOUT = {
    "campaign.regroup": "moves nothing but the order of the queue",
    "check.backfill": "looking once more harms nobody; with --act the room asks for one",
    "check.schedule": "as a backfill",
    "filter.forget": "concerns the administrator alone",
    "filter.save": "concerns the administrator alone",
    "job.retry": "the work is wanted anyhow; may be given",
    "report.link": "the report itself says it; may be given",
    "review.claim": "the decision that follows has one",
    "review.compare": "makes something to read, changes nothing",
    "review.let-go": "somebody else goes on",
}
"""Acts of administrators that need no reason, by hand: a new one is thought about here."""


def test_every_act_of_an_administrator_gives_a_reason_or_is_known_to_need_none() -> None:
    acts = {one.name for one in ACTIONS.values() if one.who is Who.ADMIN and one.event and not one.reason}
    assert acts == set(WITHOUT)
