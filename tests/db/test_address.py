"""Which addresses of databases everybody reads alike."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import make_url

from bonded.db.address import is_address

GOOD = [
    "postgresql://user:secret@host:5432/name",
    "postgresql+psycopg://user:p%40ss%2Fw%3Aord%25@host/name",
    "postgresql://user@host/name",
    "postgresql://host",
    "postgresql://user:a:b#c!$*(d)@host/name",
    "postgresql://user:secret@[::1]:5432/name?sslmode=require",
    "postgresql:///name?host=/run/postgresql&port=5433",
]


@pytest.mark.parametrize("url", GOOD)
def test_what_both_read_alike_is_an_address(url: str) -> None:
    assert is_address(url)
    one, other = make_url(url), psycopg.conninfo.conninfo_to_dict(url.replace("+psycopg", ""))
    read = {"user": one.username, "password": one.password, "host": one.host, "dbname": one.database} | dict(one.query)
    if one.port:
        read["port"] = str(one.port)
    assert other == {key: value for key, value in read.items() if value is not None}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:p@ss@host/name",
        "postgresql://me@corp:secret@host/name",
        "postgresql://user:pa/ss@host/name",
        "postgresql://user:12?ss@host/name",
        "postgresql://user:12?a=ss@host/name",
        "postgresql://user:pa ss@host/name",
        "postgresql://user:100%@host/name",
        "postgresql://user:%00@host/name",
        "postgresql://user:secret@[::1/name",
        "postgresql://user:secret@host:port/name",
        "postgresql://user:secret@host/name?secret",
        "postgresql://user:secret@host/name\n",
        "mysql://host/name",
        "",
    ],
)
def test_what_one_of_them_would_read_otherwise_is_none(url: str) -> None:
    assert not is_address(url)


def test_a_file_is_one_whatever_it_is_called() -> None:
    assert is_address("sqlite:////srv/a b@c/100%/bonded.db")
