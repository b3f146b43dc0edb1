"""`bonded mail`: what an index mails, and whether mail gets through."""

from __future__ import annotations

from pathlib import Path

import click

from bonded.cli.options import directory_option, json_option, print_json


@click.group()
def mail() -> None:
    """The mails that an index sends."""


LANGUAGE = click.option("--language", default="en", show_default=True, help="Such as de, or pt_BR.")


@mail.command("list")
@LANGUAGE
@json_option
def list_mails(language: str, as_json: bool) -> None:
    """List every kind of mail with its subject, with sample words."""
    from bonded.mail import samples
    from bonded.mail.catalogues import choose

    settings = samples.settings("Bonded", "https://index.example/")
    made = [samples.sample(name, choose(language), settings) for name in samples.names()]
    if as_json:
        print_json([{"name": one.name, "subject": one.subject, "to": one.to, "optional": one.optional} for one in made])
        return
    for one in made:
        click.echo(f"{one.name}\t{one.to}\t{one.subject}")


@mail.command("show")
@click.argument("kind")
@LANGUAGE
@click.option("--html", is_flag=True, help="The HTML part instead of the text.")
def show_mail(kind: str, language: str, html: bool) -> None:
    """Print one kind of mail as its recipient gets it, with sample words."""
    from bonded.mail import samples
    from bonded.mail.catalogues import choose

    if kind not in samples.names():
        raise click.BadParameter(f"there is no mail {kind!r}; `bonded mail list` names them", param_hint="KIND")
    one = samples.sample(kind, choose(language), samples.settings("Bonded", "https://index.example/"))
    click.echo(one.html if html else f"{one.subject}\n\n{one.text}")


@mail.command("test")
@click.argument("address")
@LANGUAGE
@directory_option
def test_mail(address: str, language: str, directory: Path) -> None:
    """Send a mail with sample words to ADDRESS now, as the settings say, and tell whether the mail server took it."""
    import smtplib

    from bonded.accounts.names import check_email
    from bonded.mail import samples
    from bonded.mail.catalogues import choose
    from bonded.seams import Away
    from bonded.wiring import open_house

    to = check_email(address)
    house = open_house(directory)
    server = house.settings.mail
    letter = samples.letter_to(to, choose(language), house.letters, house.clock())
    try:
        house.mailer.send(letter)
    except (Away, smtplib.SMTPException) as error:
        why = error.__cause__ if isinstance(error, Away) and error.__cause__ else error
        raise click.ClickException(f"{server.host}:{server.port} did not take it: {_told(why)}") from None
    if server.transport == "file":
        click.echo(
            f"it is in {house.directory / server.folder}: `mail.transport` is file, so nothing is sent", err=True
        )
    else:
        click.echo(f"{server.host}:{server.port} took it for {to}", err=True)


def _told(error: BaseException) -> str:
    """The words of a mail server, or of the system, on one line."""
    import smtplib

    words: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, words = error.smtp_code, error.smtp_error
    else:
        return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    said = words if isinstance(words, str) else words.decode("utf-8", "replace")
    return f"{code} {' '.join(said.split())}"
