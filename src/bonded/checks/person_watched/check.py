"""Keys, screen, camera, microphone or clipboard of whoever sits at the machine are watched.

**What it looks for.** Listeners for keys, pictures of the screen or the camera, recordings, and reading of the clipboard, in a
module that also sends something to where nobody looks, or mail, or that does so while the package is installed or imported; a
clipboard that is overwritten with the address of a wallet, or that is read and overwritten by what runs by itself, with a library,
the system's own functions or a command; a package that watches nearly all of them at once; and one that listens to keys and has
itself started at every log-in.

**Why it matters.** Passwords are typed and copied; addresses to pay to are copied and pasted.

**What is not flagged.** Automation of the desktop, hot keys and copying of text, in modules that send nothing: a hint at most.

**When it is a false alert.** Remote-desktop and support tools, which the user starts.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.clipboard import READS, overwritten
from bonded.checks.kit import Hit, at, check, graver
from bonded.checks.sending import HIDDEN_ENDS, SOON, sendings
from bonded.checks.staying import arrangements
from bonded.facts.known import WATCHING
from bonded.facts.model import Call, Facts, Module
from bonded.values.finding import Severity, When

_KINDS = {
    "keys": (
        "pynput.keyboard",
        "keyboard.",
        "pyHook",
        "PyWinHook",
        "pyxhook",
        "evdev",
        "Quartz",
        "win32api.GetAsync",
        "ctypes.windll.user32.GetAsyncKeyState",
        "ctypes.windll.user32.SetWindowsHook",
    ),
    "screen": ("ImageGrab", "pyautogui.screenshot", "pyscreenshot", "pyscreeze.screenshot", "mss"),
    "camera": ("cv2.VideoCapture",),
    "microphone": ("sounddevice", "pyaudio"),
    "clipboard": READS,
}
_MANY = 4
"""One program of a desktop may need two or three."""


@check(
    name="person-watched",
    version=1,
    severity=Severity.HIGH,
    sentence="Keys, screen, camera, microphone or clipboard of the user are watched.",
)
def watched(facts: Facts) -> Iterator[Hit]:
    """Look at what watches, and whether the module sends."""
    every: list[tuple[Module, Call]] = []
    for module in facts.modules:
        calls = [call for call in module.calls if call.when is not When.NEVER]
        yield from overwritten(module, calls)
        watching = [call for call in calls if call.name in WATCHING]
        if watching:
            yield _module(module, watching)
            every += [(module, call) for call in watching]
    kinds = {kind: pair for pair in reversed(every) for kind, words in _KINDS.items() if pair[1].name.startswith(words)}
    if len(kinds) >= _MANY:
        module, call = next(pair for pair in every if pair in kinds.values())
        yield at(module, call, f"{', '.join(sorted(kinds))} of the user are all watched", 0.75)
    if "keys" in kinds:
        yield from _stays(facts, *kinds["keys"])


def _stays(facts: Facts, module: Module, call: Call) -> Iterator[Hit]:
    """One hit where what listens to keys has itself started, too."""
    for _, other, what in arrangements(facts):
        if other.when is not When.NEVER:
            words = f"keys are listened to by {call.name}, in a package that starts by itself: {what}"
            yield at(module, call, words, 0.75)
            return


def _module(module: Module, watching: list[Call]) -> Hit:
    sent = list(sendings(module))
    ends = {one.kind for one in sent}
    first = min(watching, key=lambda call: (call.when not in SOON, call.line))
    early = first.when in SOON
    message = f"the user is watched by {first.name}" + (", in a module that sends" if ends else "")
    if first.name.startswith(_KINDS["keys"]) and any(one.call.name.startswith("smtplib.") for one in sent):
        return graver(
            at(module, first, f"keys are listened to by {first.name}, in a module that sends mail", 0.75), Severity.HIGH
        )
    if ends and (early or not ends.isdisjoint(HIDDEN_ENDS)):
        return graver(at(module, first, message, 0.85), Severity.CRITICAL if early else Severity.HIGH)
    if early:
        return graver(at(module, first, message, 0.6), Severity.MEDIUM)
    return graver(at(module, first, message, 0.3), Severity.LOW)
