"""The platform tags that installers know (PEP 425, 513, 571, 599, 600, 656, 730, 738, 783). Pure."""

from __future__ import annotations

import re

ANY = "any"
ARCH = r"[a-z0-9][a-z0-9_]{1,20}"

_KNOWN = re.compile(
    "|".join(
        (
            r"win32|win_amd64|win_arm64|win_arm32|win_ia64",
            rf"macosx_\d{{1,2}}_\d{{1,2}}_{ARCH}",
            rf"manylinux(1|2010|2014)_{ARCH}",
            rf"manylinux_\d{{1,2}}_\d{{1,3}}_{ARCH}",
            rf"musllinux_\d{{1,2}}_\d{{1,3}}_{ARCH}",
            r"ios_\d{1,2}_\d{1,2}_(arm64_iphoneos|arm64_iphonesimulator|x86_64_iphonesimulator)",
            r"android_\d{1,3}_(arm64_v8a|armeabi_v7a|x86_64|x86)",
            r"pyemscripten_\d{4}_\d{1,2}_wasm32|pyodide_\d{4}_\d{1,2}_wasm32",  # PEP 783; wheels before it said pyodide
            r"emscripten_\d{1,2}_\d{1,2}_\d{1,3}_wasm32",
            rf"(freebsd|openbsd|netbsd)_\d{{1,2}}_\d{{1,2}}_.{{1,30}}|aix_.{{1,40}}|solaris_.{{1,40}}|{ANY}",
        )
    )
)
_LINUX = re.compile(rf"linux_{ARCH}")


def known_platform(tag: str, *, linux: bool) -> bool:
    """Whether some installer could ever choose a wheel with the platform `tag`; `linux`: linux_* counts."""
    return bool(_KNOWN.fullmatch(tag)) or (linux and bool(_LINUX.fullmatch(tag)))
