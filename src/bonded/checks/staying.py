"""What makes a program start by itself: files in places that programs are started from, the registry, commands. Pure; shared by
several checks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import command_text
from bonded.checks.kit import runs_command
from bonded.checks.sending import SOON
from bonded.facts import footholds
from bonded.facts.files import WRITE
from bonded.facts.known import SCHEDULERS
from bonded.facts.model import Argument, Call, Facts, Module

_COMMAND = re.compile(
    r"(?i)\breg(\.exe)?[\"']?\s+add\b[^\n]{0,200}"
    r"(\\run|userinitmprlogonscript|\\winlogon\b|image file execution options|\\shell\\open\\command)"
    r"|\bschtasks(\.exe)?\b[^\n]{0,200}/create|\bcrontab\s+(-\s*$|-\s|/|-u|\S+\.(txt|cron))"
    r"|\|\s*crontab\b|\bsystemctl\b[^\n]{0,60}\senable|\blaunchctl\s+(load|bootstrap)|\bsc(\.exe)?\s+create\b|new-scheduledtask|register-scheduledtask"
    r"|>>?\s*[\"']?(~|\$HOME|/root|/home/[^/\s]+)/\.(bashrc|zshrc|profile|bash_profile|ssh/authorized_keys)|>>?\s*/etc/(cron|profile|rc\.local|ld\.so)"
    r"|update-rc\.d|\b(copy|move|xcopy)\b[^\n]{0,300}start menu.programs.startup|add-mppreference|itemproperty[^\n]{0,160}currentversion\\run"
    r"|\bgit(\.exe)?\s+config\s[^\n]{0,60}--(?:global|system)\s[^\n]{0,60}\b(?:core\.(?:hookspath|fsmonitor|sshcommand)|init\.templatedir)\b"
    r"|\bmake\s+(?:new\s+)?login\s+item\b"
)
_UNASKED = re.compile(
    r"(?i)\bcreateshortcut\([^\n]{0,600}--load-extension|\bnet1?(?:\.exe)?\s+(?:user\s+\S+\s+\S+|localgroup\s+\"?administrators)[^\n&|]{0,60}\s/add\b"
    r"|\buseradd\b[^\n]{0,80}\s-o?u\s*0\b|\busermod\s+-\w*G\s+(?:sudo|wheel|root)\b"
)
"""An account is made or may do everything from now on, or a browser loads an extension: tools for administrators do so when asked."""
_EVENTS = re.compile(r"(?i)root[\\/]+subscription|eventconsumer")
"""Where the system keeps what it starts when something happens."""
_SETS = ("winreg.SetValueEx", "winreg.SetValue", "_winreg.SetValueEx", "_winreg.SetValue")


def arrangements(facts: Facts) -> Iterator[tuple[Module, Call, str]]:
    """Every call that arranges for a program to start by itself, with what it does in words."""
    for module in facts.modules:
        key = any(footholds.is_run_key(_known(one)) for call in module.calls for one in _registry(call))
        for call in module.calls:
            what = _what(call, key)
            if what and not (footholds.OTHERS_CODE in what and _own(call, facts)):
                yield module, call, what


def _own(call: Call, facts: Facts) -> bool:
    """Whether the code that is written is the package's own."""
    inside = re.split(r"(?i)site-packages[/\\]+", _known(call.arguments[0]))[-1]
    return re.split(r"[/\\]", inside)[0].removesuffix(".py") in facts.naming.tops


def _registry(call: Call) -> tuple[Argument, ...]:
    return call.arguments if call.name.startswith(("winreg.", "_winreg.")) else ()


def _known(one: Argument) -> str:
    return one.text if one.text is not None else one.shape


def _what(call: Call, key: bool) -> str:
    if call.name == WRITE and call.arguments:
        place = footholds.kind_of_path(_known(call.arguments[0]))
        return f"a file is written to {place}" if place else ""
    if call.name in _SETS:
        return "a program is entered under a Run key of the registry" if key else ""
    if call.name == "crontab.CronTab().new" or call.name.endswith(".RegisterTaskDefinition"):
        return "a job is entered in a table of scheduled jobs"
    if call.name.startswith("win32service"):
        return "a service of the system is installed"
    if call.name in SCHEDULERS and _EVENTS.search(command_text(call) + " ".join(_known(one) for one in call.arguments)):
        return "a program is tied to an event of the system"
    if runs_command(call) and _COMMAND.search(command_text(call)):
        return "a command makes a program start by itself"
    if call.when in SOON and runs_command(call) and _UNASKED.search(command_text(call)):
        return "a command makes an account, or has a browser load an extension"
    return ""
