"""`bonded check new`, `test` and `pages`: for authors of checks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.options import json_option, print_json

if TYPE_CHECKING:
    from bonded.checks.kit import Check
    from bonded.checks.outside import Outside
    from bonded.checks.trial import Trial

from_option = click.option(
    "--from",
    "place",
    type=click.Path(path_type=Path, exists=True),
    help="A folder of checks, or a Python or virtual environment with packages of checks; else all of Bonded's own.",
)


@click.command()
@click.argument("name")
@click.argument("sentence")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), help="The folder of checks; else Bonded's own."
)
@click.option("--package", is_flag=True, help="Have the folder be a package that installs its checks (pyproject.toml).")
def new(name: str, sentence: str, into: Path | None, package: bool) -> None:
    """Write a new check NAME that finds what SENTENCE says: its folder, samples, test and documentation page."""
    import bonded.checks
    from bonded.checks import scaffold as made
    from bonded.checks.registry import built_in

    if package and into is None:
        raise click.UsageError("--package needs --into FOLDER")
    own = Path(bonded.checks.__path__[0])
    try:
        if into is not None and name in {one.name for one in built_in()}:
            raise made.CannotScaffold(f"another check is called {name} already, from Bonded itself")
        if package and into is not None:
            made.may_be_project(into)
        files = made.scaffold(into or own, name, sentence)
        if into is not None:
            files += made.test_file(into)
        if package and into is not None:
            files += made.project(into, name)
    except made.CannotScaffold as error:
        raise click.ClickException(str(error)) from None
    for file in [*files, *_pages(into, own, name)]:
        click.echo(file)
    where = f" --from {into}" if into is not None else ""
    click.echo(f"now edit check.py and the samples, and run: bonded check test {name}{where}", err=True)


def _pages(into: Path | None, own: Path, name: str) -> list[Path]:
    """Write the documentation anew, beside the checks or in the checkout; an installed Bonded has none to write."""
    import importlib

    from bonded.checks import catalogue, registry
    from bonded.checks.pages import write

    docs = own.parents[2] / "docs" / "check-author"
    if into is not None:
        with _opened(into) as found:
            written = write(into / "docs", found.checks)
        _tell(found)  # another check of the folder that is being written should not stand in the way of this one
    elif docs.is_dir():
        importlib.invalidate_caches()
        registry.built_in.cache_clear()
        written = write(docs, registry.built_in())
    else:
        return []
    return [one for one in written if one.name in (catalogue.NAME, f"check-{name}.md")]


@contextmanager
def _opened(place: Path) -> Iterator[Outside]:
    """The checks of a folder or interpreter, which run in its sandbox while the context lasts, and those that are refused."""
    from bonded.checks.outside import Outside, provide
    from bonded.telemetry import logs
    from bonded.wiring import outside_checks, sandbox_for

    logs.configure("text", "error")
    provide(None)
    found = outside_checks((place.absolute(),), None, lambda: sandbox_for("auto"))()
    origin = str(place.absolute())
    yield Outside(
        tuple(one for one in found.checks if one.origin.startswith(origin)),
        tuple(one for one in found.refused if one.origin.startswith(origin)),
    )


def _tell(found: Outside) -> None:
    for one in found.refused:
        click.echo(f"Error: {one.reason}", err=True)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@from_option
def pages(folder: Path, place: Path | None) -> None:
    """Write the documentation page of every check, and the catalogue of all, into FOLDER."""
    from bonded.checks.pages import write
    from bonded.checks.registry import built_in

    with _chosen(place, built_in) as found:
        if found.refused:
            raise click.ClickException("; ".join(one.reason for one in found.refused))
        for path in write(folder, found.checks):
            click.echo(path)


@contextmanager
def _chosen(place: Path | None, otherwise: Callable[[], tuple[Check, ...]]) -> Iterator[Outside]:
    from bonded.checks.outside import Outside

    if place is None:
        yield Outside(otherwise())
    else:
        with _opened(place) as found:
            yield found


@click.command()
@click.argument("names", nargs=-1)
@from_option
@click.option("--rewrites/--no-rewrites", default=True, help="Try rewrites that change nothing of what a program does.")
@json_option
def test(names: tuple[str, ...], place: Path | None, rewrites: bool, as_json: bool) -> None:
    """Try checks: their samples, rewrites of them, and what they cost. All checks, or those that are named.

    Exit 1 when a sample is judged wrongly, a check lacks documentation or samples, or one cannot be used. An alert that a
    rewrite loses is told.
    """
    from bonded.checks.registry import built_in
    from bonded.checks.trial import attempt

    with _chosen(place, built_in) as every:
        chosen = [one for one in every.checks if not names or one.name in names]
        unknown = sorted(set(names) - {one.name for one in chosen})
        if unknown:
            reasons = [f"there is no check called {', '.join(unknown)}", *(one.reason for one in every.refused)]
            raise click.ClickException("; ".join(reasons))
        trials = [attempt(one, rewrites=rewrites) for one in chosen]
    if as_json:
        print_json([_plain(one) for one in trials])
    else:
        for one in trials:
            _print(one)
    if not names:
        _tell(every)
    if any(one.wrong for one in trials) or (every.refused and not names):
        sys.exit(1)


def _plain(one: Trial) -> dict[str, Any]:
    figures = {"samples": one.samples, "rewrites": one.rewrites, "lost": list(one.lost), "wrong": list(one.wrong)}
    return {"check": one.check, **figures, "milliseconds": {"middle": one.cost, "most": one.most}}


def _print(one: Trial) -> None:
    kept = f", {one.rewrites - len(one.lost)} of {one.rewrites} rewrites kept" if one.rewrites else ""
    cost = f"{one.cost:.2f} ms a sample, {one.most:.2f} at most"
    click.echo(f"{one.check}: {one.samples} samples, {len(one.wrong)} wrong{kept}; {cost}")
    for line in one.wrong:
        click.echo(f"  wrong: {line}")
    for line in one.lost:
        click.echo(f"  lost: {line}")
