"""Places from which programs start by themselves, and texts that are programs: what a dropper writes, and where to."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

OTHERS_CODE: Final = "another package's code"
SITE: Final = "\N{HORIZONTAL ELLIPSIS}/site-packages"
"""The shape of the folder that packages are installed in."""
_PLACES: Final = (
    ("the start-up folder", re.compile(r"start menu/programs/start-?up|/programs/startup\b|shell:startup")),
    ("a desktop's autostart folder", re.compile(r"/autostart(/|$)")),
    ("a launch agent", re.compile(r"/launch(agents|daemons)(/|$)")),
    ("a table of scheduled jobs", re.compile(r"(^|/)etc/cron|/var/spool/cron|/etc/anacrontab")),
    ("a service of the system", re.compile(r"/systemd/(system|user)(/|$)|/etc/init\.d/|/etc/rc\.local|/etc/init/")),
    (
        "a shell's profile",
        re.compile(r"(^|/|~)\.(bashrc|bash_profile|bash_login|profile|zshrc|zprofile|zshenv|bash_logout|pythonrc(\.py)?)$|/etc/profile(\.d/|$)|/fish/(config\.fish$|conf\.d/)"),
    ),
    (
        "what an editor, a terminal or a session reads when it starts",
        re.compile(
            r"(^|/|~)\.(vimrc|gvimrc|exrc|emacs|tmux\.conf|inputrc|screenrc|xinitrc|xsession|xprofile|bash_aliases|[kct]?shrc|pam_environment)$"
            r"|/nvim/init\.(vim|lua)$|/environment\.d/[^/]*$"
        ),
    ),
    ("the extensions of an editor", re.compile(r"/\.(vscode|vscode-server|vscode-insiders|cursor|windsurf)/extensions(/|$)")),
    ("a PowerShell profile", re.compile(r"microsoft\.powershell_profile\.ps1|/profile\.ps1$")),
    ("the keys that may log in", re.compile(r"/\.ssh/authorized_keys|(^|/)authorized_keys2?$")),
    ("the loader's preload list", re.compile(r"/etc/ld\.so\.preload|/etc/ld\.so\.conf")),
    ("the table of host names", re.compile(r"^/etc/hosts$|drivers/etc/hosts")),
    ("the rules of sudo", re.compile(r"/etc/sudoers")),
    ("the start-up of notebooks", re.compile(r"/\.?ipython/(profile_[^/]+/)?startup/|/\.jupyter/(jupyter_\w+_config\.|custom/)")),
    ("the settings of a version control system", re.compile(r"(^|/)\.git/hooks/[\w-]+$|(^|/|~)\.gitconfig$")),
    ("the settings of SSH", re.compile(r"/\.ssh/(config|rc)$")),
    ("what says where packages come from", re.compile(r"/\.?pip/pip\.(conf|ini)$|[~%]/\.(npmrc|condarc|pypirc)$|/etc/pip\.conf$")),
    (
        "the settings of an assistant or editor",
        re.compile(r"[~%]/\.(claude|cursor|gemini|codex)/[\w./-]+\.(json|md|mdc|toml)$|(^|/)\.vscode/tasks\.json$"),
    ),
    ("Python's own start-up", re.compile(r"(sitecustomize|usercustomize)\.py$|site-packages/[^/]*\.pth$")),
    (OTHERS_CODE, re.compile(r"site-packages/[^/]+(/[^/]+)*\.(py|pyd|so)$")),
    ("another program's own code", re.compile(r"discord_desktop_core[^/]*/index\.js|app\.asar$|/exodus/[^\n]*\.asar")),
)  # fmt: skip
PROGRAMS: Final = (
    ".exe",
    ".dll",
    ".scr",
    ".bat",
    ".cmd",
    ".vbs",
    ".ps1",
    ".msi",
    ".pyw",
    ".hta",
    ".jar",
    ".lnk",
    ".com",
    ".pif",
    ".cpl",
)
"""Ends of the names of programs of Windows, which need no permission to run."""
_RUN_KEY: Final = re.compile(
    r"currentversion/+(run|runonce|policies/+explorer/+run)\b|/winlogon\b|image file execution options|/shell/open/command"
    r"|environment/+userinitmprlogonscript|software/+classes/+clsid/+[^/]+/+inprocserver32"
)
_PERSONS: Final = re.compile(
    r"/|(?:~|%(?:home|userprofile)%|/home|/root)(?:/(?:documents|desktop|pictures|downloads|music|videos))?/?"
)
_DISK: Final = re.compile(r"/dev/(?:[shv]d[a-z]|nvme\d|mmcblk\d)|/\./physicaldrive\d")
_PYTHON: Final = re.compile(
    r"(?m)^[ \t]*(import [\w., ]+|from [\w.]+ import\b)|\b(exec|eval|__import__)\s*\(|\bprint\s*\("
)
_IMPORTS: Final = re.compile(r"(?m)^[ \t]*(?:import [\w., ]+|from [\w.]+ import [\w., (*]+)[ \t]*(?:#.*|;.*)?\r?$")
_ACTS: Final = re.compile(
    r"\b(exec|eval|compile|__import__|subprocess|urllib|requests|socket|ctypes|os\.system|open|os\.environ)\b"
)
_OTHER: Final = re.compile(
    r"(?i)^#!\s*/|^\s*@?echo off|powershell|createobject\(|wscript\.|(^|\n)\s*(curl|wget|start|cmd|rm -rf|nohup|chmod)\s"
)


@lru_cache(maxsize=4096)
def kind_of_path(path: str) -> str:
    """What would start a program that is written to `path` by itself, in words; "" for any other path."""
    plain = re.sub(r"[/\\]+", "/", path.lower())
    return next((what for what, pattern in _PLACES if pattern.search(plain)), "")


def is_persons(path: str) -> bool:
    """Whether a path is that of a person's home, or of a folder with what belongs to him; or the root of all."""
    return bool(_PERSONS.fullmatch(re.sub(r"[/\\]+", "/", path.lower())))


def is_disk(path: str) -> bool:
    """Whether a path is that of a whole disk."""
    return bool(_DISK.match(re.sub(r"[/\\]+", "/", path.lower())))


def is_run_key(key: str) -> bool:
    """Whether a key of Windows' registry names programs that are started by themselves."""
    return bool(_RUN_KEY.search(re.sub(r"[/\\]+", "/", key.lower())))


def is_native(content: Any) -> bool:
    """Whether a constant is machine code."""
    return isinstance(content, bytes) and (content[:4] == b"\x7fELF" or (content[:2] == b"MZ" and len(content) > 60))


def source_in(content: Any) -> str | None:
    """The text of a constant that is Python source of several statements; None for anything else."""
    text = content[:40_000].decode("utf-8", "replace") if isinstance(content, bytes) else content
    if not isinstance(text, str) or len(text) < 60:
        return None
    return text if len(_IMPORTS.findall(text[:40_000])) >= 2 and _ACTS.search(text) else None


def is_script(text: str) -> bool:
    """Whether a program is one for a shell or another interpreter, and not Python."""
    return bool(_OTHER.search(text)) and not _IMPORTS.search(text)


def program(content: Any) -> str | None:
    """The text of a constant that is a program; None for anything else."""
    if is_native(content):
        return ""
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    if not isinstance(text, str) or not 16 <= len(text) <= 400_000:
        return None
    return text if _PYTHON.search(text) or _OTHER.search(text) else None
