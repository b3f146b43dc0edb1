"""Words of ours and numbers within sentences: translated at their place and nowhere else; and one English word with two meanings."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from tools import catalogues

from bonded.accounts.token_wanted import PERMISSIONS
from bonded.catalog import states
from bonded.mail.catalogues import translations
from bonded.screening.backfill import BackfillState
from bonded.screening.states import CheckState
from bonded.values import pieces
from bonded.values.refusals import Refusal
from bonded.values.states import AccountState, FileState, ProjectStatus, Role
from bonded.values.translating import SENTENCES, Pseudo, Spoken, read
from bonded.web.sentences import sentences

SENTENCE = "%(filename)s is %(file_state)s now, no longer %(file_state2)s"


def polish(*more: tuple[str | tuple[str, ...], str | tuple[str, ...], str | None]) -> Spoken:
    catalogue = Catalog(locale="pl")
    for name, text, context in more:
        catalogue.add(name, text, context=context, locations=[(SENTENCES, 1)] if context is None else [])
    spoken = Spoken("pl", catalogue)
    assert spoken.refused == []
    return spoken


def committed(language: str) -> Spoken:
    folder = Path(str(files("bonded.web"))) / "locale" / language / "LC_MESSAGES"
    return read((folder / "messages.po").read_bytes(), language)


def test_states_are_translated_where_a_state_stands() -> None:
    spoken = polish(
        (SENTENCE, "%(filename)s: teraz %(file_state)s, już nie %(file_state2)s", None),
        ("public", "publiczny", "a file is"),
        ("quarantined", "w kwarantannie", "a file is"),
    )
    made = "public is quarantined now, no longer public"
    assert spoken.sentence(made) == "public: teraz w kwarantannie, już nie publiczny", "a file may be called public"
    assert spoken.sentence("a is <b>odd</b> now, no longer public") == "a: teraz <b>odd</b>, już nie publiczny"


def test_a_refusal_of_a_state_is_german_as_a_whole() -> None:
    with pytest.raises(Refusal) as refused:
        states.check_move(FileState.REMOVED, FileState.PUBLIC)
    assert refused.value.sentence == "a file that is removed cannot become public"
    told = committed("de").sentence(refused.value.sentence)
    assert told
    assert ("entfernt" in told, "öffentlich" in told, "removed" in told) == (True, True, False)


@pytest.mark.parametrize(
    ("n", "phrase"), [(1, "za 1 minutę"), (3, "za 3 minuty"), (5, "za 5 minut"), (21, "za 21 minut")]
)
def test_a_number_in_a_refusal_has_its_plural(n: int, phrase: str) -> None:
    spoken = polish(
        ("too many registrations; %(again_in_minutes)s", "zbyt wiele; %(again_in_minutes)s", None),
        (
            (pieces.again_in_minutes.one, pieces.again_in_minutes.many),
            ("za %(n)s minutę", "za %(n)s minuty", "za %(n)s minut"),
            None,
        ),
    )
    assert spoken.sentence(f"too many registrations; {pieces.again_in_minutes(n)}") == f"zbyt wiele; {phrase}"


@pytest.mark.parametrize(
    ("parts", "english", "german"),
    [
        ((), "", ""),
        (("owner",), "owner", "owner"),
        (("owner", "workflow"), "owner and workflow", "owner und workflow"),
        (("and", "b", "c_d"), "and, b, and c_d", "and, b und c_d"),
    ],
)
def test_a_list_in_a_refusal_is_written_as_its_language_does(parts: tuple[str, ...], english: str, german: str) -> None:
    made = f"this cannot be right: {pieces.names(parts)}"
    assert made == f"this cannot be right: {english}"
    told = committed("de").sentence(made)
    assert told
    assert told.endswith(f": {german}")


@pytest.mark.parametrize("odd", ["two words", "a,b", "a, b", "a b and c", "a and b, and c"])
def test_what_is_no_list_of_names_stays(odd: str) -> None:
    told = committed("de").sentence(f"this cannot be right: {odd}")
    assert told
    assert told.endswith(f": {odd}")


def test_no_sentence_glues_a_list_by_hand() -> None:
    root = Path(str(files("bonded")))
    assert [one for one in sentences(root) if "%(join" in one] == []


def test_what_a_piece_did_not_make_stays() -> None:
    spoken = polish()
    for text in (
        "try again in many minutes",
        "try again in 1 minutes and more",
        "try again in -1 minutes",
        "",
        "%(n)s",
    ):
        assert pieces.again_in_minutes.translated(text, spoken) == text
        assert pieces.project_role.translated(text, spoken) == text
    assert pieces.file_state("unheard-of") == "unheard-of"


def test_pieces_know_every_word() -> None:
    for piece, known in (
        (pieces.file_state, FileState),
        (pieces.project_status, ProjectStatus),
        (pieces.account_state, AccountState),
        (pieces.check_state, CheckState),
        (pieces.backfill_state, BackfillState),
        (pieces.project_role, Role),
        (pieces.token_may, PERMISSIONS),
    ):
        assert set(piece.words) == {str(one) for one in known}


def test_no_sentence_fills_in_a_bare_word_of_ours() -> None:
    root = Path(str(files("bonded")))
    bare = re.compile(r"%\((state|status|role|was|late|act|verdict|level)\d*\)s|(?<!`)%\(permission\d*\)s")
    assert [one for one in sentences(root) if bare.search(one)] == []


def test_two_meanings_of_a_word_are_two_messages() -> None:
    spoken = polish(
        ("Keys", "Klawisze", "of the keyboard"), ("Keys", "Klucze", "that sign"),
        (("one key", "%(n)s keys"), ("a", "%(n)s b", "%(n)s c"), "that sign"),
    )  # fmt: skip
    assert (spoken.pgettext("of the keyboard", "Keys"), spoken.pgettext("that sign", "Keys")) == ("Klawisze", "Klucze")
    assert (spoken.gettext("Keys"), spoken.pgettext("of a piano", "Keys")) == ("Keys", "Keys")
    assert spoken.npgettext("that sign", "one key", "%(n)s keys", 5) == "%(n)s c"
    assert spoken.npgettext("of a piano", "one key", "%(n)s keys", 5) == "%(n)s keys"
    assert Pseudo().pgettext("that sign", "Keys") == Pseudo().gettext("Keys")
    assert Pseudo().npgettext("that sign", "one key", "%(n)s keys", 2) == Pseudo().gettext("%(n)s keys")


@pytest.mark.parametrize(
    ("language", "keyboard", "signing"), [("de", "Tasten", "Schlüssel"), ("fr", "Touches", "Clés")]
)
def test_keys_that_sign_are_no_keys_of_a_keyboard(language: str, keyboard: str, signing: str) -> None:
    spoken = committed(language)
    assert spoken.pgettext("of the keyboard", "Keys") == keyboard
    assert spoken.pgettext("that sign", "Keys") == signing


def test_messages_that_are_gone_stay_with_their_context_and_plurals() -> None:
    known = Catalog(locale="de")
    known.add("Keys", "Tasten", context="of the keyboard")
    known.add("Keys", "Schlüssel", context="that sign")
    known.add(("%(n)s key", "%(n)s keys"), ("%(n)s Taste", "%(n)s Tasten"))
    without = catalogues.merged(Catalog(), known, "de")
    template = Catalog()
    for message in catalogues.said(known):
        template.add(message.id, context=message.context)
    back = catalogues.merged(template, without, "de")
    assert catalogues.as_bytes(without)
    assert [one.string for one in catalogues.said(back)] == ["Tasten", "Schlüssel", ("%(n)s Taste", "%(n)s Tasten")]


def test_mails_know_the_words_of_roles() -> None:
    assert pieces.project_role.translated(pieces.project_role("owner"), translations("de")) == "Eigentümer"
    assert pieces.token_may.translated(pieces.token_may("yank"), translations("de")) == "Dateien zurückziehen"
