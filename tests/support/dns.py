"""A name server on the loopback, with answers that a test chooses."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


@contextmanager
def name_server(answers: Mapping[str, str]) -> Iterator[str]:
    """Serve on UDP; gives ADDRESS:PORT. By domain: "mx", "null mx", "address", "nothing", "gone", "failure" or "silence"."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    data, whence = server.recvfrom(4096)
                except TimeoutError:
                    continue
                reply = _reply(dns.message.from_wire(data), answers)
                if reply is not None:
                    server.sendto(reply.to_wire(), whence)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def _reply(query: dns.message.Message, answers: Mapping[str, str]) -> dns.message.Message | None:
    question = query.question[0]
    name, kind = question.name.to_text().rstrip("."), question.rdtype.name
    wanted = answers.get(name, "gone")
    if wanted == "silence":
        return None
    reply = dns.message.make_response(query, recursion_available=True)
    reply.flags |= dns.flags.AA
    text = {
        ("mx", "MX"): "10 mail.example.net.",
        ("null mx", "MX"): "0 .",
        ("address", "A"): "192.0.2.1",
    }.get((wanted, kind))
    if text:
        reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, text))
    elif wanted in ("gone", "failure"):
        reply.set_rcode(dns.rcode.NXDOMAIN if wanted == "gone" else dns.rcode.SERVFAIL)
    return reply
