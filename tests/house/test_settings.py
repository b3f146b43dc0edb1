"""What an operator writes wrongly into `bonded.toml` or the environment is told in one sentence that says what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from bonded.settings import Section, Settings, SettingsError, load


def refused(folder: Path, text: str = "") -> str:
    (folder / "bonded.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[tuf]\npage_tl = 1\n",
            "`tuf.page_tl` in {path} or the environment is no setting: did you mean `tuf.page_ttl`?",
        ),
        ("[tuff]\npage_ttl = 1\n", "`tuff` in {path} or the environment is no setting: did you mean `tuf`?"),
        (
            'url = "https://example.org/packages/"\n',
            "setting `url` in {path} or the environment is wrong: an index has a host name of its own",
        ),
        ("xyzzy = 1\n", "`xyzzy` in {path} or the environment is no setting"),
        (
            'trusted_proxies = "10.0.0.7"\n',
            'setting `trusted_proxies` in {path} or the environment is wrong: it must be a list, such as ["A", "B"]',
        ),
        (
            'trusted_proxies = ["proxy"]\n',
            "setting `trusted_proxies` in {path} or the environment is wrong: 'proxy' is neither an address nor a network",
        ),
        (
            'url = "packages.example.org"\n',
            "setting `url` in {path} or the environment is wrong: it must begin with http:// or https:// and name a host",
        ),
        (
            'url = ""\n',
            "setting `url` in {path} or the environment is wrong: it must begin with http:// or https:// and name a host",
        ),
        (
            'content_url = "http://localhost:9000/"\n',
            "a setting in {path} or the environment is wrong: `content_url` has the host of `url`: browsers keep apart only",
        ),
        (
            "tuf = 1\n",
            "setting `tuf` in {path} or the environment is wrong: it is a section: write [tuf] and its keys below",
        ),
        (
            '[database]\nurl = "mysql://x"\n',
            "setting `database.url` in {path} or the environment is wrong: the databases known are sqlite:///... and",
        ),
    ],
)
def test_what_is_wrong_in_the_file(tmp_path: Path, text: str, words: str) -> None:
    assert refused(tmp_path, text).startswith(words.format(path=tmp_path / "bonded.toml"))


def test_a_file_of_an_editor_of_windows(tmp_path: Path) -> None:
    (tmp_path / "bonded.toml").write_bytes(b'\xef\xbb\xbfurl = "https://index.example.org/"\r\n')
    assert load(tmp_path).url == "https://index.example.org/"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_a_file_in_utf_16(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "bonded.toml").write_bytes('url = "https://index.example.org/"\n'.encode(encoding))
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'bonded.toml'} cannot be read: it is written in UTF-16; save it as UTF-8"


def test_somebody_else_is_told_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, who reads everything, so it is said here."""

    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    name = tmp_path.owner()
    there = f"{tmp_path / 'bonded.toml'} cannot be read by this user: run this as"
    assert str(caught.value) == f"{there} {name}, whom it belongs to (`sudo -u {name}`)"
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "none")
    assert str(caught.value).endswith("run this as the one whom the data directory belongs to")


def test_a_file_in_latin_1(tmp_path: Path) -> None:
    (tmp_path / "bonded.toml").write_bytes('# one\nname = "Büro"\n'.encode("latin-1"))
    with pytest.raises(SettingsError, match="cannot be read: line 2 is no UTF-8 text; save it as UTF-8"):
        load(tmp_path)


FLOATS = [
    (name, key)
    for name, section in Settings.model_fields.items()
    if isinstance(section.default, Section)
    for key, field in type(section.default).model_fields.items()
    if field.annotation is float
]


@pytest.mark.parametrize(("section", "key"), FLOATS)
@pytest.mark.parametrize("number", ["inf", "nan"])
def test_no_number_is_without_end(tmp_path: Path, section: str, key: str, number: str) -> None:
    assert f"setting `{section}.{key}` in " in refused(tmp_path, f"[{section}]\n{key} = {number}\n")


@pytest.mark.parametrize("key", ["tuf.online_lifetime", "tuf.sweep_grace", "account.session_lifetime"])
def test_no_time_is_longer_than_the_calendar(tmp_path: Path, key: str) -> None:
    section, _, name = key.partition(".")
    assert f"setting `{key}` in " in refused(tmp_path, f"[{section}]\n{name} = 1e15\n")


APART = "storage.vault and storage.public must be apart, neither within the other: what is in the vault is private"
OWN = "it must be a folder of its own: the data directory holds keys and the database, too"
KNOWN = "it must be a folder or s3://BUCKET/PREFIX"


@pytest.mark.parametrize(
    ("vault", "public", "words"),
    [
        ("vault", "vault", APART),
        ("public", "public/", APART),
        ("store", "store/public", APART),
        ("./public/../public/vault", "public", APART),
        ("/srv/store", "/srv/store", APART),
        ("s3://bucket", "s3://bucket/public", APART),
        ("s3://bucket/a/", "s3://bucket/a", APART),
        ("vault", "", OWN),
        ("vault", ".", OWN),
        ("vault", "public/..", OWN),
        ("..", "public", OWN),
        ("/", "public", OWN),
        ("s3://", "public", KNOWN),
        ("vault", "s3:///public", KNOWN),
        ("s3:/bucket", "public", KNOWN),
        ("gs://bucket", "public", KNOWN),
    ],
)
def test_vault_and_public_store_are_apart(tmp_path: Path, vault: str, public: str, words: str) -> None:
    """The public store could be read, swept and hidden as a whole: nothing else lies in it."""
    assert words in refused(tmp_path, f'[storage]\nvault = "{vault}"\npublic = "{public}"\n')


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("127.0.0.1:9000", "it must begin with http:// or https:// and name a host"),
        ("https://", "it must begin with http:// or https:// and name a host"),
        ("http://store.internal:9000", "spoken to without TLS: set storage.s3_allow_http if that is meant"),
    ],
)
def test_addresses_of_a_bucket(tmp_path: Path, endpoint: str, words: str) -> None:
    assert words in refused(tmp_path, f'[storage]\ns3_endpoint = "{endpoint}"\n')


LOGIN = '[mail]\ntransport = "smtp"\nusername = "me"\n'


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('host = "mail.example.invalid"', "a password that would go without TLS: set mail.tls or mail.starttls"),
        ('host = "192.0.2.1"', "would go without TLS"),
        ('host = "192.0.2.1"\ntls = true\nstarttls = true', "exclude each other"),
        ('host = "mail.example.invalid"\ntls = true', ""),
        ('host = "mail.example.invalid"\nstarttls = true', ""),
        ('host = "mail.example.invalid"\nallow_plain_login = true', ""),
        ('host = "127.0.0.1"', ""),
        ('host = "::1"', ""),
        ("", ""),
    ],
)
def test_no_mail_password_goes_without_tls(tmp_path: Path, more: str, words: str) -> None:
    if words:
        assert words in refused(tmp_path, LOGIN + more)
    else:
        (tmp_path / "bonded.toml").write_text(LOGIN + more)
        assert load(tmp_path).mail.username == "me"


@pytest.mark.parametrize(
    ("vault", "public"),
    [
        ("vault", "vault-public"),
        ("/srv/vault", "srv/vault"),
        ("../vault", "../public"),
        ("s3://bucket/a", "s3://bucket/ab"),
        ("s3://one", "s3://two"),
        ("vault", "s3://bucket"),
    ],
)
def test_places_that_are_apart(tmp_path: Path, vault: str, public: str) -> None:
    (tmp_path / "bonded.toml").write_text(f'[storage]\nvault = "{vault}"\npublic = "{public}"\n')
    assert (load(tmp_path).storage.vault, load(tmp_path).storage.public) == (vault, public)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("BONDED_TRUSTED_PROXIES", "10.0.0.7,10.0.0.8", "BONDED_TRUSTED_PROXIES in the environment is not JSON"),
        ("BONDED_PURGE__ADDRESSES", "http://127.0.0.1:6081", "BONDED_PURGE__ADDRESSES in the environment is not JSON"),
        ("BONDED_DATABASE_URL", "postgresql://x", "is no setting: did you mean `BONDED_DATABASE__URL`?"),
        ("BONDED_TUFF__PAGE_TTL", "1", "is no setting: did you mean `BONDED_TUF__PAGE_TTL`?"),
        ("BONDED_TUF__PAGE_TL", "1", "is no setting: did you mean `tuf.page_ttl`?"),
    ],
)
def test_what_is_wrong_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    assert words in refused(tmp_path)


def test_variables_of_others_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("BONDED_DIR", "/srv"),
        ("BONDED_TOKEN", "x"),
        ("BONDED_MAIL_PORT", "tcp://10.0.0.1:25"),
        ("BONDED_SCREENING__PRECISION_FLOORS__SPAM_PROJECT", "0.5"),
        ("BONDED_TRUSTED_PROXIES", '["10.0.0.7/8"]'),
    ):
        monkeypatch.setenv(name, value)
    (tmp_path / "bonded.toml").write_text("")
    read = load(tmp_path)
    assert read.trusted_proxies == ("10.0.0.7/8",)
    assert read.mail.port == 25
    assert read.screening.precision_floors == {"spam_project": 0.5}
