"""What a file must hold before it can do what the interpreter notes, as YARA patterns derived from the tables in `known`.

A file is parsed when it could reach a sink *and* could have something to hide or to fetch. Every way to name a thing in
Python leaves a word: a module's name where it is imported, a last name after a dot, in quotes or in an import. A name that
is computed needs one of the look-up words, and those count as both.
"""

from __future__ import annotations

import builtins
import re
import types
from typing import Final

from bonded.facts import places
from bonded.facts.clients import CONNECTING, MODULES, REACHING
from bonded.facts.known import (
    CANON,
    CIPHER_METHODS,
    CLIPBOARD,
    CODE_SINKS,
    COMMAND_SINKS,
    DECODERS,
    ENCODING_NAMES,
    HOST_FACTS,
    NETWORK,
    SPELLERS,
    SPIES,
    WATCHING,
)
from bonded.facts.known_secrets import KEEPERS

_BUILTIN_SINKS: Final = tuple(
    sorted(name.removeprefix("builtins.") for name in CODE_SINKS if name.startswith("builtins."))
)
_TELLING: Final = frozenset(
    {"importlib", "site", "cffi", "sqlite3", "trio", "anyio", "PyQt5", "PyQt6", "PySide2", "PySide6"}
)
"""Modules that many files import, while hardly any has one of the last names."""
_SHARED: Final = _TELLING | {"os", "asyncio", "types", "code", "ctypes", "distutils", "IPython", "psutil"}
"""Modules that most files import: for them the last name is looked for, for the others the module."""
_PLAIN_WORDS: Final = frozenset(
    {
        "System",
        "http",
        "requests",
        "wget",
        "dns",
        "uu",
        "nt",
        "posix",
        "commands",
        "code",
        "profile",
        "trace",
        "types",
        "pdb",
        "imp",
    }
)
"""Module names that are words of English as well: they count where they are imported or followed by a dot."""


def _parts(names: frozenset[str]) -> list[list[str]]:
    return [[part.removesuffix("()") for part in name.split(".")] for name in sorted(names)]


def _old_spellings(roots: set[str]) -> set[str]:
    return {old.split(".")[0] for old, new in CANON.items() if new.split(".")[0] in roots} - {
        "six",
        "io",
        "codecs",
        "importlib",
        "pip",
    }


def _modules(names: frozenset[str]) -> set[str]:
    roots = {parts[0] for parts in _parts(names)} - {"builtins"}
    return (roots | _old_spellings(roots)) - _SHARED


def _last_names(names: frozenset[str]) -> set[str]:
    return {parts[-1] for parts in _parts(names) if parts[0] in _SHARED}


def _telling(names: frozenset[str]) -> list[str]:
    last = {parts[-1] for parts in _parts(names) if parts[0] in _TELLING}
    return [*(f'"{word}" fullword' for word in sorted(last)), r"/from[ \t]+psutil[ \t]+import/"]


def _module_patterns(modules: set[str]) -> list[str]:
    plain = "|".join(sorted(modules & _PLAIN_WORDS))
    words = [f'"{word}" fullword' for word in sorted(modules - _PLAIN_WORDS)]
    if not plain:
        return words
    return [*words, rf"/(import|from|,)[ \t\n\\(]+({plain})([ \t\n.,)\\]|$)/", rf"/[^a-zA-Z0-9_.]({plain})\.[a-zA-Z]/"]


def commands() -> list[str]:
    """Patterns of which one is in every file that names, in writing, something that runs a command or a program.

    Such a file is always parsed: a command can fetch, decode and run by itself.
    """
    last = "|".join(re.escape(word) for word in sorted(_last_names(COMMAND_SINKS) - {"spawn"}))
    return [
        *_module_patterns(_modules(COMMAND_SINKS) - {"webbrowser", "asyncio"}),
        rf"/[.'\"][ \t\n\\]*({last})[^a-zA-Z0-9_]/",
        r"/from[ \t]+(os|posix|nt)[ \t]+import/",
        *_telling(COMMAND_SINKS),
        '"distutils.spawn" fullword',
    ]


def sinks() -> list[str]:
    """Patterns of which one is in every file that names a sink in writing."""
    last = "|".join(re.escape(word) for word in sorted(_last_names(CODE_SINKS | COMMAND_SINKS) - {"spawn"}))
    builtin = "|".join(_BUILTIN_SINKS)
    return [
        *_module_patterns(_modules(CODE_SINKS | COMMAND_SINKS)),
        rf"/[.'\"][ \t\n\\]*({last})[^a-zA-Z0-9_]/",
        r"/(from|import)[ \t]+(os|posix|nt|asyncio|types|code)[ \t]+import/",
        rf"/(^|[^.a-zA-Z0-9_])({builtin})[^a-zA-Z0-9_]/",
        *_telling(CODE_SINKS | COMMAND_SINKS),
        '"exec_" fullword',
        '"distutils.spawn" fullword',
        r"/(\.|['\"])__code__/",
        r"/(__class__|type[ \t]*\([^)\n]{1,60}\))[ \t]*\([ \t\n]*(compile|[a-z_.]{0,40}loads)[ \t]*\(/",
        r"/['\"]PyRun_SimpleString/",
    ]


_SPELLING: Final = frozenset({"array", "html", "struct", "uuid", "socket", "ipaddress"})
"""Modules that spell text among much else: what they spell with is looked for beside `exec`."""


_DEAD_DROPS: Final = ("web3", "ipfshttpclient")
"""Modules of clients that bring what anybody may have left somewhere."""


def sources() -> list[str]:
    """Patterns of which one is in every file that decodes, fetches or puts code together in writing."""
    methods = CIPHER_METHODS | {"fromhex", "unichr", "to_bytes"}
    quoted = "|".join(sorted(ENCODING_NAMES, key=len, reverse=True))
    return [
        *_module_patterns(_modules(DECODERS | NETWORK) - {"email"} | _modules(SPELLERS) - _SPELLING),
        *(f'"{word}" fullword' for word in _DEAD_DROPS),
        r"/from[ \t]+github[ \t]+import/",
        '"base64mime" fullword',
        *(f'"{word}" fullword' for word in sorted(_last_names(NETWORK))),
        '"get_payload" fullword',
        '"open_connection" fullword',
        *(f'"{word}" fullword' for word in sorted(methods)),
        r"/(^|[^.a-zA-Z0-9_])chr[^a-zA-Z0-9_]/",
        r"/bytes[ \t]*\([ \t]*[a-zA-Z_\[(]/",
        '"bytearray" fullword',
        rf"/['\"]({quoted.replace('_', '[-_]?')})['\"]/ nocase",
        r"/::[ \t]*-/",
        r"/(exec|eval|compile)[ \t]*\([ \t\n]*[bru]?['\"]{2}[ \t]*\.[ \t]*join/",
    ]


_SENDERS: Final = (
    "open_connection", "create_datagram_endpoint", "sock_sendall", "start_server", "create_connection", "HTTPHandler", "SysLogHandler",
    "SocketHandler", "DatagramHandler", "SMTPHandler", "wininet", "winhttp", "QtNetwork", "XMLHTTP",
)  # fmt: skip
"""Words of calls that reach out, of modules that most files import."""


def network() -> list[str]:
    """Patterns of which one is in every file that names, in writing, something that reaches out."""
    return [
        *_module_patterns(_modules(NETWORK - REACHING - CONNECTING) - {"urllib"}),
        r"/urllib2?\.(request|urlopen|urlretrieve)|urllib2|import[ \t]+request/",
    ]


def clients() -> list[str]:
    """Patterns of which one is in every file that names, in writing, a client of another service."""
    return [
        *(f'"{word}" fullword' for word in sorted({*MODULES, *_SENDERS})),
        r"/google\.cloud[ .]/",
        r"/multiprocessing[ \t]*(\.[ \t]*|[ \t]import[ \t]+)(connection|managers)/",
    ]


def private() -> list[str]:
    """Patterns of which one is in every file that names, in writing, who the machine is, its secrets, or its person."""
    last = {parts[-1] for parts in _parts(HOST_FACTS | SPIES)} - _EVERYDAY
    files = sorted({part for parts in places.table("files").values() for part in parts} | {"login data", "local state"})
    return [
        *(f'"{word}" fullword' for word in sorted(last)),
        *_module_patterns({parts[0] for parts in _parts(SPIES)} - _SHARED - {"subprocess"}),
        '"dotenv_values" fullword',
        *(f'"{root}" fullword' for root in sorted(KEEPERS.keys() - {"azure", "huggingface_hub"})),
        r"/azure\.identity|google\.auth/",
        r"/huggingface_hub([ \t]+as[ \t]|[ \t\r\n\\(,a-zA-Z_.]{1,120}get_token)/",  # its name alone is in too many examples
        r"/platform\.node|environ[ \t\n]*([^a-zA-Z_0-9\[. \t\n]|\.(items|copy|values|keys))/",
        *(_literal(part.lstrip("/")) for part in files),
    ]


def service_keys() -> list[str]:
    """The variables that hold the key to a service: a file in which several are named may send them."""
    return [f'"{name}" fullword' for names in places.table("variables").values() for name in map(str.upper, names)]


def _spying() -> set[str]:
    return {parts[0] for parts in _parts(WATCHING | CLIPBOARD)} - _SHARED - {"cv2", "mss", "subprocess", "win32api"}


def decoders() -> list[str]:
    """Patterns of which one is in every file that calls a decoder in writing: beside one, an address may be hidden."""
    names = {parts[-1] for parts in _parts(DECODERS)} - {"decode", "loads", "decrypt"}
    return [*(f'"{word}" fullword' for word in sorted(names)), r"/['\"]rot_?13['\"]/"]


def spies() -> list[str]:
    """Patterns of which one is in every file that names, in writing, something that watches the person at the machine."""
    words = (
        "clipboard_append",
        "clipboard_get",
        "SetWindowsHookExW",
        "SetWindowsHookExA",
        "GetAsyncKeyState",
        "SetClipboardData",
        "RegSetValueEx",
        "RegWrite",
    )
    return [*_module_patterns(_spying()), *(f'"{word}" fullword' for word in words)]


def addresses() -> list[str]:
    """Patterns of which one is in every file that names, in writing, a service that data is left at, or a bare address."""
    kinds = (
        places.REQUEST_BIN,
        places.CALL_BACK,
        places.TUNNEL,
        places.HOOK,
        places.PASTE,
        places.DROP,
        places.FREE,
        places.METADATA,
    )
    return [
        *sorted({_literal(host) for kind in kinds for host in places.table("hosts")[kind] if len(host) > 5}),
        r"/\/\/[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}/",
        r"/['\"][0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}['\"]/",
    ]


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\") + '" nocase'


_EVERYDAY: Final = frozenset(
    {
        "node",
        "platform",
        "copy",
        "paste",
        "Listener",
        "record",
        "hook",
        "load",
        "open",
        "grab",
        "chrome",
        "users",
        "rec",
        "getcwd",
    }
    | {"interfaces", "mss", "write", "communicate"}
)
"""Names of methods of much else; there, the module is looked for."""

_FUNCTIONS: Final = sorted(name for name, one in vars(builtins).items() if isinstance(one, types.BuiltinFunctionType))
SPELLED: Final = [
    r"/(unescape|pack|tobytes|maketrans|UUID|inet_aton|ip_address|IPv4Address|packbits|b58decode)[ \t]*\(/",
    r"/(getdata|readframes|getexif|reveal|gettext|get_metadata)[ \t]*\(|importlib[._]metadata/",
    r"/(exec|eval)[ \t]*\([ \t]*((re|json|textwrap|inspect)\.|[a-zA-Z_]{1,40}\.__doc__)|json\.load[ \t]*\([ \t]*open/",
]
"""They make text of numbers or entities, and are in much honest code: they count beside a call of `exec`."""
BUILTINS: Final = [
    r"/=[ \t]*(globals|locals|vars|__import__)[ \t]*(\r|\n|;|,|$)/",
    *(f'"{word}" fullword' for word in ("__builtins__", "__builtin__", "__globals__", "f_globals", "f_builtins")),
    '"__subclasses__" fullword',
    rf"/[^a-zA-Z0-9_.]({'|'.join(_FUNCTIONS)})[ \t]*\.[ \t]*__self__/",
    r"/(import|from|,|moves\.)[ \t\n\\(]*builtins[^a-zA-Z0-9_]/",
    r"/['\"]builtins['\"]/",
]
"""They give every builtin, `exec` and `__import__` among them, under a name that may be computed."""
NAMESPACES: Final = [r"/(globals|locals|vars)[ \t]*\([ \t]*\)[ \t]*(\[|\.get|\.__getitem__)/"]
NAMESPACE_SETS: Final = [r"/(globals|locals|vars)[ \t]*\([ \t]*\)[ \t]*\[[^\]\n]{1,80}\][ \t]*=[^=]/"]
"""`globals()[name] = value` only sets."""
IMPORTERS: Final = [
    '"__import__" fullword',
    '"import_module" fullword',
    r"/[^a-zA-Z0-9_]modules[ \t]*(\[|\.get|\.__getitem__)/",
]
OWN_MODULE: Final = [
    r"/[^a-zA-Z0-9_]modules[ \t]*\[[ \t]*(__name__|['\"][a-zA-Z0-9_.]{1,60}['\"]|cls\.__module__)[ \t]*\]/"
]
"""`sys.modules[__name__]`, and modules by a name in plain writing."""
IMPORTED_SINKS: Final = [
    r"/[.'\"][ \t\n\\]*(run|call|Popen|check_call|check_output|getoutput|getstatusoutput|spawn|exec|eval)[^a-zA-Z0-9_]/"
]
"""With a module imported under a computed name."""
GETATTR: Final = [
    *(f'"{word}" fullword' for word in ("getattr", "__dict__", "__getattribute__", "attrgetter", "methodcaller")),
    r"/vars[ \t]*\([ \t]*[a-zA-Z_]/",
]
PLAIN_GETATTR: Final = [
    r"/getattr[ \t]*\([ \t]*[a-zA-Z0-9_.]{1,60}[ \t]*,[ \t\n]*['\"][a-zA-Z0-9_]{0,60}['\"][ \t\n]*[,)]/"
]
"""`getattr` with its name in plain writing: the word itself is looked for by the other patterns."""
COMPUTED: Final = [
    r"/(getattr[ \t]*\([^,\n]{1,80},|__dict__[ \t]*\[|__getattribute__[ \t]*\()[^)\]\n]{0,80}['\"][ \t]*[+%\[.]/",
    r"/(getattr[ \t]*\([^,\n]{1,80},|__dict__[ \t]*\[)[ \t]*(f['\"]|chr|str|bytes|['\"]{2}\.join)/",
]
"""Attributes by a name that is put together on the spot."""
ROOTS: Final = [
    f'"{word}" fullword'
    for word in ("os", "subprocess", "posix", "nt", "pty", "asyncio", "types", "importlib", "sys", "ctypes", "runpy")
]
CODE: Final = [
    r"/(^|[^.a-zA-Z0-9_])(exec|eval|execfile|exec_)[ \t\n\\]*\(/",
    r"/[=(,\[][ \t]*(exec|eval|execfile|exec_)[ \t]*[,)\]\n;]/",
]
"""Builtins that run code, called or passed on; the word alone is in many a sentence."""
READS: Final = [r"/(read|read_text|read_bytes|readlines|get_data|read_binary)[ \t]*\(/"]
NEVER: Final = [
    r"/(import_module|__import__)[ \t]*\([ \t]*['\"][a-zA-Z0-9_.]{0,80}(tests?|testing|docs?|examples?|benchmarks?|scripts|tools)/",
    r"/(from|import)[ \t]+[a-zA-Z0-9_.]{0,80}(tests?|testing|docs?|examples?|benchmarks?|scripts|tools)/",
]

HARM: Final = (
    "CurrentVersion", "LaunchAgents", "LaunchDaemons", "autostart", "crontab", "cron.d", "/etc/cron", "systemd/system", "systemd/user",
    ".bashrc", ".zshrc", ".bash_profile", ".profile", ".zprofile", "authorized_keys", "rc.local", "init.d", "ld.so.preload", "etc/hosts",
    "sudoers", "sitecustomize", "discord_desktop_core", "app.asar", "VirtualAlloc", "VirtualProtect", "CreateRemoteThread", "RtlMoveMemory",
    "getsitepackages", "getusersitepackages", "usercustomize", "get_python_lib", "purelib", "/.ipython", ".git/hooks", ".gitconfig", "pip.conf",
    "pip.ini", ".npmrc", ".condarc", "config.fish", "/.claude", "/.cursor", "tasks.json", "/.jupyter", "ssh/config",
    "pip.main", "pip._internal", "WriteProcessMemory", "mprotect", "memfd_create", "stratum+tcp", "xmrig", "PROT_EXEC",
    ".vimrc", ".tmux.conf", ".xinitrc", ".xprofile", ".bash_aliases", "nvim/init.", "hookspath", "InstallService", "twine.c", "twine import",
    "pymem", "pyinjector", "NtRaiseHardError", "ExitWindowsEx", "PhysicalDrive",
)  # fmt: skip
"""Words of places where programs start by themselves, and of harm that needs no command."""
FILES: Final = [
    '"winreg" fullword',
    '"_winreg" fullword',
    r"/shutil[ \t]+import|shutil[a-zA-Z0-9_]*\.(copy|move)|\.(copyfile|copy2)[ \t]*\(/",
    '"expanduser" fullword',
    r"/\.home[ \t]*\(|getattr\([a-zA-Z0-9_]+, ['\"](copy|copyfile|move|expanduser|home)/",
    r"/[a-zA-Z0-9_]\.__file__|find_spec[ \t]*\(/",
]
"""What puts files elsewhere, or says where the user's own are."""
HARM_PATTERNS: Final = [
    *(f'"{word}" nocase' for word in HARM),
    r"/start[ -]?up['\"\\\/]/ nocase",
    r"/\.pth['\"]/",
    r"/drivers.{1,2}etc/",
    r"/environment\.d['\"\/]/",
    r"/\.(vscode|cursor|windsurf)[a-z-]{0,12}.{1,6}extensions/",
    r"/['\"]\/dev\/(sd|hd|vd|nvme|mmcblk)/",
    r"/(walk|rglob)[ \t]*\([ \t]*r?['\"](\/|~|[cC]:|\/home)/",
    r"/(walk|rglob)[ \t]*\([^)\n]{0,40}['\"%](HOME|USERPROFILE|HOMEPATH)/",
    r"/Path[ \t]*\([ \t]*r?['\"](\/|~|[cC]:[\\\/]{0,2})['\"]/",
    r"/['\"]\.(gitconfig|npmrc|ipython|jupyter|claude|cursor)['\"]/",
    r"/import_module\(['\"]pip['\"]|run_module\(['\"]pip/",
    r"/\\x7fELF|b['\"]MZ/",
    r"/\.encrypt(or|_and_digest)?[ \t]*\(/",
    r"/loads[ \t]*\([ \t\n]*b['\"](c(os|posix|nt|builtins|__builtin__|subprocess)\\n|\\x80)/",
    r"/import[ \t]+pip([ \t]+as[ \t]|[ \t]*[\r\n;,])|from[ \t]+pip[ \t]+import[ \t]+main/",
]
LOADS: Final = [r"/(CDLL|WinDLL|OleDLL|PyDLL|LoadLibrary)[ \t]*\(/"]
"""They load a library: of interest beside what reads a file, for the library may be made of that."""
