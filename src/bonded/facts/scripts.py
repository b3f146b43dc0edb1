"""Members that something else than Python runs: shells, Windows Script Host, tools that build, editors. Read as text, never run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from bonded.facts import footholds, layout, pickled, shape
from bonded.facts.known import CODE_SINKS, COMMAND_SINKS, canonical
from bonded.facts.model import Module, Script
from bonded.values.finding import When

_LANGUAGES: Final = {
    ".sh": "shell",
    ".bash": "shell",
    ".zsh": "shell",
    ".command": "shell",
    ".bat": "batch",
    ".cmd": "batch",
    ".ps1": "PowerShell",
    ".psm1": "PowerShell",
    ".vbs": "VBScript",
    ".vbe": "VBScript",
    ".wsf": "VBScript",
    ".hta": "VBScript",
    ".jse": "JScript",
}
CMAKE, MESON, RUST, MAKE, NPM, SETTINGS = "CMake", "Meson", "Rust", "make", "npm", "settings"
JAVASCRIPT = "JavaScript"
_SOON: Final = (When.INSTALL, When.STARTUP, When.IMPORT)
PICKLE, YAML, INSTRUCTIONS = "pickle", "YAML", "instructions"
_BUILT: Final = {"cmakelists.txt": CMAKE, "meson.build": MESON, "build.rs": RUST, "makefile": MAKE, "gnumakefile": MAKE}
_BUILT_ENDS: Final = {".cmake": CMAKE, ".mk": MAKE}
BUILDERS: Final = {
    CMAKE: ("scikit_build_core", "skbuild", "py_build_cmake", "cmeel"),
    MESON: ("mesonpy",),
    RUST: ("maturin", "setuptools_rust"),
}
"""Build back-ends that run a file of this sort."""
_SETTINGS: Final = frozenset(
    {"tasks.json", ".mcp.json", "mcp.json", "kernel.json", "settings.json", "settings.local.json"}
)
_SETTINGS_ENDS: Final = (".desktop", ".service", ".plist")
_INSTRUCTIONS: Final = re.compile(
    r"(^|/)(claude|agents|gemini|skill|copilot-instructions)\.md$|(^|/)\.(cursor|windsurf|cline)rules$|\.mdc$|\.instructions\.md$",
    re.IGNORECASE,
)
"""Files that assistants read before they work."""
_READ: Final = (".md", ".mdc", ".cursorrules", ".windsurfrules", ".clinerules")
_PICKLES: Final = (".pkl", ".pickle", ".joblib", ".npy", ".model", ".bin", ".dat", ".pt", ".ckpt")
_PICKLED: Final = re.compile(
    rb"c(?:posix|nt|os|subprocess|builtins|__builtin__|pty|runpy|asyncio[\w.]*)\n[a-z_]{2,30}\n"
    rb"|\x8c.(?:posix|nt|os|subprocess|builtins|pty|runpy)\x94?\x8c.[a-zA-Z_]{2,30}",
    re.DOTALL,
)
_TAGGED: Final = re.compile(rb"!!python/(?:object/(?:apply|new)|name):[^\n]{0,400}")
_FETCHES: Final = re.compile(
    rb"curl|wget|powershell|pwsh|/dev/(?:tcp|udp)|bash -i|base64|netcat|\bnc\b|iwr\b|invoke-|DOWNLOAD|python[\d.]*[\"', ]+-c|certutil|mshta",
    re.IGNORECASE,
)
"""Of the sorts that most archives have plenty of, only members with such a word are kept."""
_INTERPRETERS: Final = ((b"bash", "shell"), (b"/sh", "shell"), (b"zsh", "shell"), (b"pwsh", "PowerShell"))
_STARTED: Final = {
    "sh": "shell", "bash": "shell", "zsh": "shell", "dash": "shell", "ksh": "shell", "cmd": "batch", "powershell": "PowerShell",
    "pwsh": "PowerShell", "wscript": "JScript", "cscript": "JScript", "node": JAVASCRIPT, "bun": JAVASCRIPT, "perl": "Perl",
    "ruby": "Ruby", "php": "PHP", "lua": "Lua", "osascript": "AppleScript", "mshta": "VBScript",
}  # fmt: skip
"""Interpreters by the names of their programs."""
_WORDS: Final = re.compile(r"[^\s\"';|&<>]+")
MOST_TEXT: Final = 8_000
MOST: Final = 40


def language(path: str, data: bytes) -> str:
    """The language of a script, by its name, else by its first line; "" for any other member."""
    base = path.rpartition("/")[2].lower()
    end = base[base.rfind(".") :] if "." in base else ""
    known = _LANGUAGES.get(end)
    if known:
        return known
    if data.startswith(b"#!"):
        first = data[:120].split(b"\n", 1)[0]
        return next((name for word, name in _INTERPRETERS if word in first), "")
    built = _BUILT.get(base) or _BUILT_ENDS.get(end) or (NPM if base == "package.json" else "")
    if not built and (base in _SETTINGS or end in _SETTINGS_ENDS):
        built = SETTINGS
    if built:
        return built if _FETCHES.search(data) else ""
    return _loaded(end, path, data)


def _loaded(end: str, path: str, data: bytes) -> str:
    """Data that runs something when it is loaded, and words that order assistants about."""
    if end in _PICKLES and _PICKLED.search(data):
        return PICKLE if any(_sinks_of(data)) else ""
    if end in (".yaml", ".yml") and b"!!python/" in data and _TAGGED.search(data):
        return YAML
    if end in _READ and _INSTRUCTIONS.search(path) and shape.orders_in(data):
        return INSTRUCTIONS
    return ""


def _sinks_of(data: bytes) -> Iterator[str]:
    """What a pickle runs when it is loaded, as its opcodes say; it may begin after the header of another format."""
    found = _PICKLED.search(data)
    for whole in (data, data[found.start() :]) if found else ():
        for name, text in pickled.calls(whole):
            if canonical(name) in CODE_SINKS or canonical(name) in COMMAND_SINKS:
                yield f"{canonical(name)} {text}"


def is_python(path: str, data: bytes) -> bool:
    """Whether a member whose name does not say so is a program for Python by its first line."""
    return data.startswith(b"#!") and b"python" in data[:120].split(b"\n", 1)[0] and not language(path, data)


def scripts_of(
    found: Mapping[str, bytes],
    kind: str,
    backend: str = "",
    modules: Iterable[Module] = (),
    data: Mapping[str, bytes] | None = None,
) -> tuple[Script, ...]:
    """The scripts of an archive in the order of their paths, those outside tests and documentation first.

    `backend` is what builds it; `data` are other members, of which those count that a command of `modules` gives to an
    interpreter.
    """
    sorts = {path: language(path, content) for path, content in found.items()}
    every = dict(found)
    soon: dict[str, When] = {}
    for base, sort, when in _given(modules, data or {}):
        if base not in {path.rpartition("/")[2] for path in every}:
            sorts[base], every[base] = sort, (data or {})[base]
        if sort == JAVASCRIPT and when in _SOON:
            soon.setdefault(base, when)
    rows = sorted((_when(path, kind, sorts[path], backend) is When.NEVER, path) for path in every)[:MOST]
    return tuple(
        Script(
            path,
            sorts[path],
            _text(every[path], sorts[path]),
            soon.get(path) or _when(path, kind, sorts[path], backend),
        )
        for _, path in sorted(rows, key=lambda row: row[1])
    )


def _given(modules: Iterable[Module], data: Mapping[str, bytes]) -> Iterator[tuple[str, str, When]]:
    """Base names of members that a command of the package hands to an interpreter, what that reads them as, and when."""
    for module in modules:
        for call in module.calls:
            if call.name not in COMMAND_SINKS or call.when is When.NEVER:
                continue
            named = [one.text or one.shape for one in call.arguments if one.name in ("", "args")]
            words = [re.split(r"[/\\]", word)[-1] for word in _WORDS.findall(" ".join(named))]
            for first, *rest in (
                (word.lower().removesuffix(".exe"), *words[at + 1 : at + 5]) for at, word in enumerate(words)
            ):
                if first in _STARTED:
                    yield from ((base, _STARTED[first], call.when) for base in rest if base in data)


def _when(path: str, kind: str, sort: str, backend: str) -> When:
    """A script runs when somebody calls it, unless its folder is for tests or documentation, or something starts it by itself."""
    where = layout.installed_at(path) if kind == layout.WHEEL else ""
    if where and footholds.kind_of_path(f"/{where}"):
        return When.STARTUP
    if layout.when_of(path, kind) is When.NEVER:
        return When.NEVER
    return When.INSTALL if backend.partition(".")[0] in BUILDERS.get(sort, ()) else When.CALL


def _text(data: bytes, sort: str) -> str:
    if sort == PICKLE:
        return "\n".join(_sinks_of(data))[:MOST_TEXT]
    if sort == YAML:
        return "\n".join(one.decode("utf-8", "replace") for one in _TAGGED.findall(data)[:20])[:MOST_TEXT]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data[: 2 * MOST_TEXT].decode("utf-16", "replace")[:MOST_TEXT]
    return data[: 2 * MOST_TEXT].decode("utf-8", "replace").replace("\r\n", "\n")[:MOST_TEXT]
