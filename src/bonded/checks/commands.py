"""What a command line does, read from its folded text. Pure; shared by the checks that look at commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from bonded.facts.known import LOADERS
from bonded.facts.model import Argument, Call

_FETCH_AND_RUN = re.compile(
    r"(curl|wget|fetch|iwr|invoke-webrequest|lwp-download)\b[^\n]{0,400}(\|\s*(sudo\s+)?(ba|z|da|k)?sh\b|\|\s*python|\|\s*iex"
    r"|(;|&&)\s*(ba|z|da)?sh\b|(;|&&)\s*(chmod\s+\S*x|python|\./|/tmp/))"
    r"|(ba|z|da)?sh\s+(-c\s+)?[\"']?<\(\s*(curl|wget)|(ba)?sh\s+-c\s+[\"']?\$\((curl|wget)"
    r"|(?:\beval|\bsource|(?:^|[\s;&])\.)\s+[\"']?(?:<\(|\$\(|`)\s*(curl|wget)\b"
    r"|\b(?:node|bun|deno)\s+(?:-\w*[ep]|--eval|--print|eval)\s[^\n]{0,400}\b(?:fetch\s*\(|https?\.get|child_process|eval\s*\(|atob\s*\()"
    r"|(?:\bpython[\d.]*|\?|\N{HORIZONTAL ELLIPSIS})\s+-c\s[^\n]{0,400}\b(?:exec|eval)\b"
    r"[^\n]{0,300}(?:urlopen|requests\.|httpx\.|b64decode|decompress)",
    re.IGNORECASE,
)
_POWERSHELL = re.compile(
    r"(powershell|pwsh)(\.exe)?\b[^\n]{0,600}(\s[-/]e(nc|ncodedcommand|c)?\s+([a-z0-9+/=]{16,}|\u2026)|net\.webclient|invoke-restmethod|\birm\s|downloadstring|downloadfile|\biex\b"
    r"|invoke-expression|invoke-webrequest|frombase64string|-w(indowstyle)?\s+hidden)",
    re.IGNORECASE,
)
_SAVER = re.compile(
    r"\b(curl|wget|fetch|iwr|invoke-webrequest|invoke-restmethod|start-bitstransfer|bitsadmin|certutil)\b[^\n]*$",
    re.IGNORECASE,
)
_SAVED = re.compile(
    r"(?:-outfile|-destination|--output-document|--output|-o|>)[ =]*[\"']?([^\s\"';&|>]{2,200})", re.IGNORECASE
)
_THEN = re.compile(
    r"(?:;|&&?|\|\||\n)[ \t]*(?:(?:sudo|start(?:[ \t]+(?:/\w+|\"\"))*|start-process(?:[ \t]+-filepath)?|"
    r"cmd(?:\.exe)?[ \t]+/c|python[\dw.]*|(?:ba|z)?sh|call|nohup|open|explorer"
    r"|cscript(?:[ \t]+//\w+)*|wscript|mono|chmod[ \t]+\S{1,12})[ \t]+){0,8}[\"']?(?:\./|\.\\)?",
    re.IGNORECASE,
)
_MOST_SAVED = 40
"""Files of one command line that are looked for where something is run."""
_INSTALLER = re.compile(
    r"\bmsiexec(\.exe)?\s[^\n]{0,80}/i\s*[\"']?https?:|\bcscript\b[^\n]{0,60}https?:|\bwmic\b[^\n]{0,80}process\s+call\s+create",
    re.IGNORECASE,
)
_LOLBIN = re.compile(
    r"\b(certutil(\.exe)?\s[^\n]{0,80}-urlcache|bitsadmin(\.exe)?\s[^\n]{0,80}/transfer|mshta(\.exe)?\s+(https?:|javascript|vbscript)"
    r"|regsvr32(\.exe)?\s[^\n]{0,80}/i:https?|rundll32(\.exe)?\s[^\n]{0,80}(javascript|https?:))",
    re.IGNORECASE,
)
_REVERSE = re.compile(
    r"/dev/(tcp|udp)/|\b(nc|ncat|netcat)(\.exe)?\s[^\n]{0,80}-\w*[ec]\s|\bbash\s+-i\b|\bsocat\b[^\n]{0,100}exec:"
    r"|\bmkfifo\b[^\n]{0,200}(?:openssl\s+s_client|telnet|ncat|\bnc)\b|\btelnet\s[^\n|]{1,80}\|\s*(?:/\S*/)?(?:ba)?sh\b"
    r"|\b(?:perl|php|ruby|lua|awk)\d?\s[^\n]{0,300}(?:fsockopen|use\s+socket|tcpsocket|socket\.tcp|/inet/tcp)[^\n]{0,300}(?:/bin/(?:ba)?sh|exec)"
    r"|net\.sockets\.(?:tcp|udp)client\b[^\n]{0,300}\.getstream\(",
    re.IGNORECASE,
)
_DECODE = re.compile(
    r"base64\s+(-d|--decode|-D)\b[^\n]{0,200}\|\s*(ba|z|da)?sh\b"
    r"|\b(eval|source|(ba|z|da)?sh\s+-c)\s+[\"']?(\$\(|`|<\()[^\n]{0,4000}\b(base64\s+(-d|--decode|-D)|xxd\s+-r|openssl\s+(enc|base64)\b[^\n]{0,80}\s-d)\b|\|\s*xxd\s+-r[^\n]{0,80}\|\s*(ba)?sh",
    re.IGNORECASE,
)

_WAITING = re.compile(
    r"(?:(?:\S*[\\/])?(?:python[\d.]*w?|(?:ba|da|z|k)?sh|powershell|pwsh|node|perl|ruby|cmd)(?:\.exe)?|\?)(?:\s+-[sic]?)?\s*$",
    re.IGNORECASE,
)
"""An interpreter that is told nothing to run, or a program that is not known, as `sys.executable`."""
_LOGIN = re.compile(r"\s*(?:docker|podman|buildah|skopeo|helm registry)\s+login\b[^;&|`$<>\n]*")
_SCRIPT_HOST = re.compile(r"\s*(?:\S*[\\/])?(?:cscript|wscript|mshta)(?:\.exe)?\s", re.IGNORECASE)


_WORDS = (
    "curl", "wget", "fetch", "iwr", "invoke-", "lwp-download", "powershell", "pwsh", "start-bitstransfer", "bitsadmin", "certutil",
    "msiexec", "cscript", "wmic", "mshta", "regsvr32", "rundll32", "/dev/tcp", "/dev/udp", "tcpclient", "udpclient",
    "ncat", "netcat", "mkfifo", "telnet", "perl", "php", "ruby", "lua", "awk", "nc.exe", "bash", "socat",
    "base64", "xxd", "openssl", "child_process", "http.get", "https.get", "atob",
    "urlopen", "requests.", "httpx.", "b64decode", "decompress", *(f"nc{blank}" for blank in " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"),
)  # fmt: skip
"""Of these, each pattern above needs one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a command does, in words, and how sure that is."""

    what: str
    confidence: float


@lru_cache(maxsize=4096)
def read_command(text: str) -> Reading | None:
    """What is hostile about a command line, None when nothing is."""
    if not _is_telling(text):
        return None
    if _saves_and_runs(text):
        return Reading("a command saves a fetched program and runs it", 0.95)
    for pattern, what, confidence in (
        (_FETCH_AND_RUN, "a shell command fetches a program and runs it", 0.95),
        (_INSTALLER, "a tool of the system is used to fetch or start a program", 0.9),
        (_REVERSE, "a command opens a shell to another machine", 0.95),
        (_POWERSHELL, "a PowerShell command hides, decodes or fetches what it runs", 0.95),
        (_LOLBIN, "a tool of the system is used to fetch and run a program", 0.95),
        (_DECODE, "a shell command decodes a program and runs it", 0.95),
    ):
        if pattern.search(text):
            return Reading(what, confidence)
    return None


def telling_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines about which `read_command` could say anything, with their numbers: most of most scripts hold no word of its."""
    if not text.isascii():
        yield from enumerate(text.split("\n"), 1)  # other letters may count as these in a pattern that ignores case
        return
    whole = text.lower()
    places = sorted({at for word in _WORDS if "\n" not in word for at in _places(whole, word)})
    number, at, end = 1, 0, -1
    for place in places:
        if place <= end:
            continue  # a second word on the same line
        number, at = number + text.count("\n", at, place), place
        end = text.find("\n", place)
        end = len(text) if end < 0 else end
        yield number, text[text.rfind("\n", 0, place) + 1 : end]


def _places(text: str, word: str) -> Iterator[int]:
    """Where `word` stands: once for each line that has it."""
    at = text.find(word)
    while at >= 0:
        yield at
        end = text.find("\n", at)
        at = text.find(word, end) if end >= 0 else -1


def _is_telling(text: str) -> bool:
    plain = text.lower()
    return not text.isascii() or any(word in plain for word in _WORDS)


def is_script_host(text: str) -> bool:
    """Whether the command runs a script of Windows: no library hands it what it downloaded, whoever names the address."""
    return _SCRIPT_HOST.match(text) is not None


def _saves_and_runs(text: str) -> bool:
    """Whether a file that a command fetches is run by a command after it, on the same line or the next ones."""
    for saved in islice(_SAVED.finditer(text), _MOST_SAVED):
        name, end = saved.group(1).lower(), saved.end()
        if not _SAVER.search(text[max(0, saved.start() - 400) : saved.start()]):
            continue
        for then in _THEN.finditer(text, end, end + 400):
            if text[then.end() : then.end() + len(name)].lower() == name:
                return True
    return False


def program_of(call: Call) -> list[Argument]:
    """The arguments that say what is run: not the environment that it is run in, nor who logs in to a registry of images."""
    if _LOGIN.fullmatch(command_text(call)):
        return []
    direct = call.name.startswith(("os.exec", "os.spawn", "os.posix_spawn"))
    found = [one for one in call.arguments if not one.name]
    if call.name in LOADERS:
        place = LOADERS[call.name]
        return found[place : place + 1] + [one for one in call.arguments if one.name in ("location", "path")]
    if "ShellExecute" in call.name:
        found = found[1:]
    found = (
        (found[:-1] if call.name.endswith("e") else found)
        if direct
        else found[: 3 if "ShellExecute" in call.name else 2]
    )
    fed = ("input", "stdin") if _WAITING.match(command_text(call)) else ()
    return found + [one for one in call.arguments if one.name in ("args", "cmd", "executable", "target", *fed)]


def typed(call: Call) -> list[Argument]:
    """What is written to a process by this call, if it is an interpreter that was told nothing to run."""
    started = next((one.text for one in call.arguments if one.name == "()"), None)
    waits = started is not None and _WAITING.match(started) is not None
    return [one for one in call.arguments if one.name != "()"] if waits else []


def command_text(call: Call) -> str:
    """The folded words of a command call, "?" or "\N{HORIZONTAL ELLIPSIS}" where a part is not known."""
    return " ".join(one.text or one.shape or "?" for one in call.arguments if not one.name)
