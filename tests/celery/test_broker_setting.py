"""What an operator may name as the broker: a Redis or a RabbitMQ, and nothing that was never tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from bonded.settings import SettingsError
from bonded.wiring import House, open_house


def opened(folder: Path, broker: str, more: str = "") -> House:
    (folder / "bonded.toml").write_text(
        f'url = "https://index.example.org/"\n[queue]\nengine = "celery"\nbroker = "{broker}"\n{more}'
    )
    return open_house(folder)


def refused(folder: Path, broker: str) -> str:
    with pytest.raises(SettingsError) as told:
        opened(folder, broker)
    return str(told.value)


@pytest.mark.parametrize(
    "broker",
    [
        "redis://broker.example.invalid:6379/0",
        "rediss://broker.example.invalid",
        "redis+socket:///run/r.sock",
        "amqp://broker.example.invalid",
        "amqps://bonded:p%40ss@broker.example.invalid:5671/%2Fteam",
    ],
)
def test_a_redis_and_a_rabbitmq_are_taken(tmp_path: Path, broker: str) -> None:
    assert opened(tmp_path, broker).settings.queue.broker == broker


@pytest.mark.parametrize("broker", ["sqs://", "memory://", "broker:6379", "pyamqp://guest@broker.example.invalid//"])
def test_any_other_broker_is_refused_in_one_sentence(tmp_path: Path, broker: str) -> None:
    told = refused(tmp_path, broker)
    assert "queue.broker must be a Redis (redis://, rediss:// or redis+socket:///) or a RabbitMQ" in told
    assert "no other broker is supported" in told


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
@pytest.mark.parametrize("password", ["to/p-secret", "to#p-secret", "to]p[-secret"])
def test_an_address_that_cannot_be_read_is_refused_without_its_password(
    tmp_path: Path, scheme: str, password: str
) -> None:
    told = refused(tmp_path, f"{scheme}://bonded:{password}@broker.example.invalid")
    assert "write special characters of its password as %XX" in told
    assert "secret" not in told


@pytest.mark.parametrize("more", ["?heartbeat=5", ";amqp://other.example.invalid"])
def test_options_and_further_addresses_of_a_rabbitmq_are_refused(tmp_path: Path, more: str) -> None:
    assert "must be one address without options" in refused(tmp_path, "amqp://broker.example.invalid" + more)


def test_a_file_of_cas_that_is_not_there_is_named_at_the_start(tmp_path: Path) -> None:
    house = opened(tmp_path, "amqps://broker.example.invalid", 'broker_ca = "ca.pem"\n')
    with pytest.raises(SettingsError) as told:
        _ = house.broker
    assert f"`queue.broker_ca` is {tmp_path}/ca.pem, which is no file" in str(told.value)
    (tmp_path / "ca.pem").write_text("")
    assert house.broker is not None
