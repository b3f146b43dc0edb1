"""Names that matter: how they are spelled elsewhere, what decodes, what downloads, what runs code or commands.

The pre-filter derives its atoms from these tables (`facts.atoms`), so a name added here is also looked for.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import Final

from bonded.facts.clients import CONNECTING, HTTP, LISTENERS, MADE_WITH_ADDRESS, REACHING, SAME, VERBS

CANON: Final[dict[str, str]] = {
    "__builtin__": "builtins",
    "__builtins__": "builtins",
    "posix": "os",
    "nt": "os",
    "builtins.raw_input": "builtins.input",
    "_io.open": "builtins.open",
    "io.open": "builtins.open",
    "os.open": "builtins.open",
    "codecs.open": "builtins.open",
    "aiofiles.open": "builtins.open",
    "anyio.open_file": "builtins.open",
    "trio.open_file": "builtins.open",
    "anyio.Path": "pathlib.Path",
    "trio.Path": "pathlib.Path",
    "gzip.open": "builtins.open",
    "urllib2": "urllib.request",
    "urllib.urlopen": "urllib.request.urlopen",
    "urllib.urlretrieve": "urllib.request.urlretrieve",
    "six.moves.urllib": "urllib",
    "six.moves.builtins": "builtins",
    "six.exec_": "builtins.exec",
    "commands": "subprocess",
    "cPickle": "pickle",
    "httplib": "http.client",
    "importlib.__import__": "builtins.__import__",
    "importlib.import_module": "builtins.__import__",
    "types.LambdaType": "types.FunctionType",
    "_socket": "socket",
    "requests.api": "requests",
    "requests.sessions": "requests",
    "requests.session": "requests.Session",
    "discord.SyncWebhook": "discord.Webhook",
    "telebot.async_telebot.AsyncTeleBot": "telebot.TeleBot",
    "telegram.bot.Bot": "telegram.Bot",
    "PIL.ImageGrab": "ImageGrab",
    "dns.resolver.query": "dns.resolver.resolve",
    "webbrowser.open_new_tab": "webbrowser.open",
    "webbrowser.open_new": "webbrowser.open",
    "base64.decodestring": "base64.decodebytes",
    "os.popen2": "os.popen",
    "os.popen3": "os.popen",
    "win32api.RegSetValueEx": "winreg.SetValueEx",
    "win32api.RegSetValue": "winreg.SetValue",
    "win32api.RegOpenKeyEx": "winreg.OpenKeyEx",
    "win32api.RegOpenKey": "winreg.OpenKey",
    "win32api.RegCreateKey": "winreg.CreateKey",
    "win32com.client.Dispatch().RegWrite": "winreg.SetValue",
    "win32process.WriteProcessMemory": "ctypes.windll.kernel32.WriteProcessMemory",
    "win32process.CreateRemoteThread": "ctypes.windll.kernel32.CreateRemoteThread",
    "win32process.VirtualAllocEx": "ctypes.windll.kernel32.VirtualAllocEx",
    "pymem.process.inject_dll": "ctypes.windll.kernel32.CreateRemoteThread",
    "pyinjector.inject": "ctypes.windll.kernel32.CreateRemoteThread",
    "win32clipboard.SetClipboardData": "win32clipboard.SetClipboardText",
    "tkinter.Tk().clipboard_append": "clipboard.copy",
    "tkinter.Tk().clipboard_get": "clipboard.paste",
    **SAME,
    "asyncio.subprocess.create_subprocess_shell": "asyncio.create_subprocess_shell",
    "asyncio.subprocess.create_subprocess_exec": "asyncio.create_subprocess_exec",
    "get_ipython": "IPython.get_ipython",
    "IPython.core.getipython.get_ipython": "IPython.get_ipython",
    "_imp.create_dynamic": "imp.load_dynamic",
    "pathlib.Path().expanduser()": "pathlib.Path()",
    "pathlib.Path().resolve()": "pathlib.Path()",
}

CODE_SINKS: Final = frozenset(
    {
        "builtins.exec",
        "builtins.eval",
        "builtins.execfile",
        "types.FunctionType()",
        "code.InteractiveInterpreter().runcode",
        "code.InteractiveInterpreter().runsource",
        "code.InteractiveConsole().push",
        "code.InteractiveConsole().runcode",
        "code.InteractiveConsole().runsource",
        "_testcapi.run_in_subinterp",
        "_xxsubinterpreters.run_string",
        "_interpreters.run_string",
        "_interpreters.exec",
        "pdb.run",
        "profile.run",
        "cProfile.run",
        "timeit.timeit",
        "trace.Trace().run",
        "trace.Trace().runctx",
        "pdb.runeval",
        "pdb.runctx",
        "profile.runctx",
        "cProfile.runctx",
        "profile.Profile().run",
        "profile.Profile().runctx",
        "cProfile.Profile().run",
        "cProfile.Profile().runctx",
        "bdb.Bdb().run",
        "bdb.Bdb().runeval",
        "timeit.repeat",
        "timeit.Timer",
        "ctypes.pythonapi.PyRun_SimpleString",
        "IPython.get_ipython().run_cell",
    }
)
"""Their first argument is run as Python, or the one that CODE_AT says."""
CODE_AT: Final = {
    "_xxsubinterpreters.run_string": 1,
    "_interpreters.run_string": 1,
    "_interpreters.exec": 1,
    "_testcapi.run_in_subinterp": 0,
}

LOADERS: Final = {
    "importlib.util.spec_from_file_location": 1,
    "importlib.machinery.SourceFileLoader": 1,
    "importlib.machinery.SourcelessFileLoader": 1,
    "importlib.machinery.ExtensionFileLoader": 1,
    "imp.load_dynamic": 1,
    "imp.load_compiled": 1,
    "site.addsitedir": 0,
    "cffi.FFI().dlopen": 0,
    "sqlite3.connect().load_extension": 0,
    "System.Reflection.Assembly.Load": 0,
    "System.Reflection.Assembly.LoadFrom": 0,
    "System.Reflection.Assembly.LoadFile": 0,
}
"""They load a file as a module or library; the position of its path."""

COMMAND_SINKS: Final = frozenset(
    {
        "os.system",
        "os.popen",
        "os.startfile",
        "subprocess.Popen",
        "subprocess.run",
        "subprocess.call",
        "subprocess.check_call",
        "subprocess.check_output",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "pty.spawn",
        "asyncio.create_subprocess_shell",
        "asyncio.create_subprocess_exec",
        "win32api.ShellExecute",
        "ctypes.windll.shell32.ShellExecuteW",
        "ctypes.windll.shell32.ShellExecuteA",
        "webbrowser.open",
        *(
            f"os.{verb}{tail}"
            for verb in ("exec", "spawn")
            for tail in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")
        ),
        "os.posix_spawn",
        "os.posix_spawnp",
        "runpy.run_path",
        "runpy.run_module",
        "zipimport.zipimporter",
        "_posixsubprocess.fork_exec",
        "distutils.spawn.spawn",
        "ctypes.CDLL().system",
        "ctypes.CDLL()._wsystem",
        "ctypes.CDLL().popen",
        "ctypes.CDLL()._popen",
        "ctypes.CDLL().WinExec",
        "win32com.client.Dispatch().Run",
        "win32com.client.Dispatch().Exec",
        "win32com.client.Dispatch().ShellExecute",
        "wmi.WMI().Win32_Process.Create",
        "pexpect.run",
        "pexpect.spawn",
        "imp.load_source",
        "psutil.Popen",
        "trio.run_process",
        "anyio.run_process",
        "anyio.open_process",
        "win32process.CreateProcess",
        "ctypes.windll.kernel32.CreateProcessW",
        "ctypes.windll.kernel32.CreateProcessA",
        *(f"ctypes.CDLL().{name}" for name in ("execl", "execv", "execve", "execlp", "execvp", "posix_spawn")),
        "IPython.get_ipython().system",
        "IPython.get_ipython().getoutput",
        *(f"{library}.QtCore.QProcess.startDetached" for library in ("PyQt5", "PyQt6", "PySide2", "PySide6")),
    }
    | LOADERS.keys()
)
"""Their arguments are run as a command or as a program file."""

DECODERS: Final = frozenset(
    {
        "base64.b64decode",
        "base64.standard_b64decode",
        "base64.urlsafe_b64decode",
        "base64.b32decode",
        "base64.b32hexdecode",
        "base64.b16decode",
        "base64.b85decode",
        "base64.a85decode",
        "base64.decodebytes",
        "base64.decode",
        "binascii.a2b_base64",
        "binascii.a2b_hex",
        "binascii.a2b_qp",
        "binascii.a2b_uu",
        "binascii.unhexlify",
        "zlib.decompress",
        "gzip.decompress",
        "bz2.decompress",
        "lzma.decompress",
        "codecs.decode",
        "codecs.escape_decode",
        "builtins.bytes.fromhex",
        "builtins.bytearray.fromhex",
        "marshal.loads",
        "quopri.decodestring",
        "uu.decode",
        "email.base64mime.decode",
        "email.message_from_string().get_payload",
        "email.message_from_bytes().get_payload",
        "zlib.decompressobj().decompress",
        "bz2.BZ2Decompressor().decompress",
        "lzma.LZMADecompressor().decompress",
        "cryptography.fernet.Fernet().decrypt",
        "nacl.secret.SecretBox().decrypt",
    }
)

CIPHER_METHODS: Final = frozenset({"decrypt", "decryptor", "unpad", "decompress", "decrypt_and_verify"})
"""Methods that decode, whatever object they belong to."""

ENCODING_NAMES: Final = frozenset(
    {"base64", "base_64", "base64_codec", "hex", "hex_codec", "rot13", "rot_13", "zlib", "zlib_codec", "zip", "bz2"}
    | {
        "bz2_codec",
        "uu",
        "uu_codec",
        "quopri",
        "quopri_codec",
        "unicode_escape",
        "raw_unicode_escape",
        "utf_7",
        "punycode",
    }
)
"""Text encodings that hide rather than write."""

UNPICKLERS: Final = frozenset(
    {
        f"{library}.{verb}"
        for library in ("pickle", "_pickle", "dill", "cloudpickle", "joblib")
        for verb in ("load", "loads")
    }
    | {
        "torch.load",
        "torch.hub.load",
        "pandas.read_pickle",
        "numpy.load",
        "jsonpickle.decode",
        "yaml.unsafe_load",
        "shelve.open",
    }
)
"""They run what their argument says; calls of these are kept where it was downloaded."""

BRINGERS: Final = frozenset(
    {
        "PIL.Image.open().getdata",
        "PIL.Image.open().getexif",
        "PIL.Image.open().tobytes",
        "wave.open().readframes",
        "gettext.translation().gettext",
        "gettext.GNUTranslations().gettext",
        "stegano.lsb.reveal",
        "numpy.packbits",
        "base58.b58decode",
        "importlib.metadata.metadata",
        "importlib.metadata.distribution().read_text",
        "pkg_resources.get_distribution().get_metadata",
    }
)
"""They read pictures, sounds, translations and metadata: what is run out of these was hidden there."""

SPELLERS: Final = frozenset(
    {
        "builtins.chr",
        "builtins.unichr",
        "html.unescape",
        "struct.pack",
        "array.array().tobytes",
        "uuid.UUID",
        "socket.inet_aton",
        "socket.inet_pton",
        "ipaddress.ip_address",
        "ipaddress.IPv4Address",
        "urllib.parse.unquote",
        "urllib.parse.unquote_plus",
        "urllib.parse.unquote_to_bytes",
    }
)
"""They spell text out of codes: used everywhere, telling only where the result is run."""

DOWNLOADERS: Final = frozenset(
    {
        "urllib.request.urlopen",
        "urllib.request.build_opener().open",
        "urllib.request.URLopener().open",
        *(f"{lib}.{verb}" for lib in HTTP for verb in VERBS),
        *REACHING,
        "httpx.stream",
        "urllib3.PoolManager().request",
        "urllib3.request",
        "http.client.HTTPConnection().getresponse",
        "socket.socket().recv",
        "socket.socket().recvfrom",
        "socket.socket().makefile",
        "websocket.create_connection().recv",
        "websockets.connect().recv",
        "aiohttp.request",
        "ftplib.FTP().retrbinary",
        "pycurl.Curl().perform",
        "wget.download",
        "dns.resolver.resolve",
        "dns.resolver.Resolver().resolve",
        "dns.resolver.Resolver().query",
        *(f"imaplib.{kind}().{verb}" for kind in ("IMAP4", "IMAP4_SSL") for verb in ("fetch", "uid")),
        "poplib.POP3().retr",
        "poplib.POP3_SSL().retr",
        *(f"telnetlib.Telnet().{verb}" for verb in ("read_all", "read_until", "read_some", "read_eager")),
        "paramiko.SSHClient().exec_command",
        "asyncio.open_connection",
    }
)  # fmt: skip

DOWNLOAD_TO_FILE: Final = frozenset(
    {"urllib.request.urlretrieve", "wget.download", "urllib.request.URLopener().retrieve"}
)

INTO_FILE: Final = {
    "ctypes.windll.urlmon.URLDownloadToFileW": 2,
    "ctypes.windll.urlmon.URLDownloadToFileA": 2,
    "boto3.client().download_file": 2,
    "boto3.resource().Bucket().download_file": 1,
    "azure.storage.blob.BlobClient().download_to_path": 0,
    "google.cloud.storage.Client().bucket().blob().download_to_filename": 0,
    "google.cloud.storage.Client().get_bucket().blob().download_to_filename": 0,
    "dropbox.Dropbox().files_download_to_file": 0,
    "paramiko.SSHClient().open_sftp().get": 1,
    "minio.Minio().fget_object": 2,
}
"""They save what they fetch in a file; the position of its path."""

NETWORK: Final = CONNECTING | DOWNLOADERS | DOWNLOAD_TO_FILE | frozenset(
    {
        "socket.socket().connect",
        "socket.socket().connect_ex",
        "socket.socket().accept",
        "socket.socket().send",
        "socket.socket().sendall",
        "socket.socket().sendto",
        "socket.create_connection",
        "http.client.HTTPConnection",
        "http.client.HTTPSConnection",
        "http.client.HTTPConnection().request",
        "smtplib.SMTP().sendmail",
        "smtplib.SMTP().send_message",
        "yagmail.SMTP().send",
        "ftplib.FTP().storbinary",
        "paramiko.SSHClient().connect",
        "socket.gethostbyname",
        "socket.gethostbyname_ex",
        "socket.getaddrinfo",
        "websocket.create_connection",
        "websocket.WebSocketApp",
        "websockets.connect",
        "socketio.Client().connect",
        "socketio.Client().emit",
        "discord.Webhook.from_url",
        "discord.Webhook.from_url().send",
        "dhooks.Webhook",
        "dhooks.Webhook().send",
        "discord_webhook.DiscordWebhook",
        "discord_webhook.DiscordWebhook().execute",
        "discordwebhook.Discord",
        "discordwebhook.Discord().post",
        *(f"{bot}.send_{what}" for bot in ("telebot.TeleBot()", "telegram.Bot()")
          for what in ("message", "document", "photo", "audio", "video")),
        "telebot.TeleBot",
        "telegram.Bot",
        "telegram.ext.Updater",
        "telegram.ext.Application.builder().token",
        "discord.Client().run",
        "discord.ext.commands.Bot().run",
        "urllib.request.Request",
    }
)  # fmt: skip
"""Calls that reach out, or say where to."""

MAKERS: Final = MADE_WITH_ADDRESS | frozenset(
    {
        "http.client.HTTPConnection", "http.client.HTTPSConnection", "smtplib.SMTP", "smtplib.SMTP_SSL", "ftplib.FTP", "dhooks.Webhook",
        "discord_webhook.DiscordWebhook", "discordwebhook.Discord", "discord.Webhook.from_url", "telebot.TeleBot", "telegram.Bot",
        "urllib.request.Request", "requests.Request", "socket.create_connection", "websocket.create_connection", "websockets.connect",
        "subprocess.Popen", "urllib3.HTTPConnectionPool", "urllib3.HTTPSConnectionPool", "httpx.Client", "httpx.AsyncClient", "telegram.ext.Updater",
    }
)  # fmt: skip
"""What they make remembers what it was made of: where it will reach, what it runs."""

SPIES: Final = frozenset(
    {
        "pynput.keyboard.Listener",
        "pynput.mouse.Listener",
        "keyboard.on_press",
        "keyboard.on_release",
        "keyboard.hook",
        "keyboard.record",
        "keyboard.read_event",
        "keyboard.read_key",
        "pynput.keyboard.Events",
        "pyxhook.HookManager",
        "evdev.InputDevice",
        "Quartz.CGEventTapCreate",
        "win32api.GetAsyncKeyState",
        "ctypes.windll.user32.SetWindowsHookExW",
        "ctypes.windll.user32.SetWindowsHookExA",
        "pyHook.HookManager",
        "PyWinHook.HookManager",
        "ImageGrab.grab",
        "pyautogui.screenshot",
        "pyscreenshot.grab",
        "pyscreeze.screenshot",
        "mss.mss",
        "cv2.VideoCapture",
        "sounddevice.rec",
        "pyaudio.PyAudio().open",
        "pyperclip.paste",
        "pyperclip.copy",
        "clipboard.paste",
        "clipboard.copy",
        "win32clipboard.GetClipboardData",
        "win32clipboard.SetClipboardText",
        "win32crypt.CryptUnprotectData",
        "keyring.get_password",
        "browser_cookie3.chrome",
        "browser_cookie3.load",
        "ctypes.windll.user32.GetAsyncKeyState",
        "boto3.Session().get_credentials",
        "boto3.session.Session().get_credentials",
        "os.dup2",
        "subprocess.Popen().stdin.write",
        "subprocess.Popen().communicate",
        "code.interact",
        "code.InteractiveConsole().interact",
    }
)
"""They watch who sits at the machine, open what he keeps secret, or tie a shell to something else."""

CLIPBOARD: Final = frozenset({"pyperclip.copy", "clipboard.copy", "win32clipboard.SetClipboardText"})
"""Their argument is what is pasted next."""
SECRETS: Final = frozenset(
    {"win32crypt.CryptUnprotectData", "keyring.get_password", "browser_cookie3.chrome", "browser_cookie3.load"}
    | {"boto3.Session().get_credentials", "boto3.session.Session().get_credentials"}
)
"""Their result is a secret."""
CONSOLES: Final = frozenset({"code.interact", "code.InteractiveConsole().interact"})
"""They run whatever is typed into the input of the program."""
TIES: Final = CONSOLES | {"os.dup2", "subprocess.Popen().stdin.write", "subprocess.Popen().communicate"}
"""They tie a program to something else."""
WATCHING: Final = SPIES - CLIPBOARD - SECRETS - TIES
"""Their result is what somebody does."""

PATH_USERS: Final = frozenset(
    {
        "builtins.open", "os.path.join", "os.path.exists", "os.path.isfile", "os.path.isdir", "os.listdir", "os.walk", "os.scandir", "glob.glob",
        "sqlite3.connect", "shutil.copy", "shutil.copy2", "shutil.copyfile", "shutil.copytree", "shutil.make_archive", "pathlib.Path",
        "pathlib.Path().joinpath", "pathlib.Path.home().joinpath", "os.chmod", "os.mkdir", "os.makedirs", "os.path.expanduser",
        "zipfile.ZipFile().write",
    }
)  # fmt: skip
"""Calls of these are kept where the path leads to secrets."""

SEARCHERS: Final = frozenset(
    {
        "os.walk",
        "os.listdir",
        "os.scandir",
        "os.fwalk",
        "glob.glob",
        "glob.iglob",
        "pathlib.Path().rglob",
        "pathlib.Path().glob",
        "pathlib.Path().iterdir",
        "pathlib.Path().walk",
        "pathlib.Path.home().rglob",
        "pathlib.Path.home().glob",
        "pathlib.Path.home().iterdir",
    }
)
"""They look through folders."""

ENCIPHERS: Final = frozenset({"encrypt", "encrypt_and_digest", "encryptor"})
"""Last names of what puts data through a cipher, the way in."""
DELETERS: Final = frozenset({"os.remove", "os.unlink", "os.rmdir", "shutil.rmtree"})
"""Calls of these are kept where what they delete was looked for in somebody's folders."""

BOTS: Final = (
    "discord.",
    "nextcord.",
    "disnake.",
    "telebot.",
    "telegram.",
    "aiogram.",
    "pyrogram.",
    "telethon.",
    "zulip.",
    "socketio.",
    *LISTENERS,
)
"""Their decorators hand a function what somebody wrote in a chat, or sent."""

HOST_FACTS: Final = frozenset(
    {
        "socket.gethostname",
        "socket.getfqdn",
        "platform.node",
        "platform.uname",
        "getpass.getuser",
        "os.getlogin",
        "os.uname",
        "uuid.getnode",
        "os.getcwd",
        "pwd.getpwuid",
        "platform.platform",
        "socket.gethostbyname_ex",
        "psutil.net_if_addrs",
        "psutil.users",
        "netifaces.interfaces",
        "netifaces.ifaddresses",
        "getmac.get_mac_address",
    }
)

CHOOSERS: Final = ("argparse.ArgumentParser().parse_", "builtins.input()", "tkinter.filedialog.ask", "docopt.docopt()")
"""What they give was chosen by the person at the machine: an argument of the command line, an answer, a file in a window."""

ENVIRONMENTS: Final = frozenset({"os.environ.copy", "dotenv.dotenv_values", "dotenv.main.dotenv_values"})
"""They give all variables of the environment at once, of the process or of its settings."""
SECRET_VARIABLES: Final = frozenset(
    {"AWS_SECRET_ACCESS_KEY", "AZURE_CLIENT_SECRET", "PRIVATE_KEY", "SSH_PRIVATE_KEY", "MNEMONIC"}
)
"""Variables of the environment that no service is sent in plain."""
HOST_VARIABLES: Final = frozenset({"USER", "USERNAME", "LOGNAME", "COMPUTERNAME", "HOSTNAME", "USERDOMAIN"})
"""Variables of the environment that say who or where the machine is."""

STRUCTURED: Final = frozenset(
    {
        "json.loads",
        "json.load",
        "orjson.loads",
        "re.findall",
        "re.search",
        "re.match",
        "re.sub",
        "re.split",
        "csv.reader",
    }
    | {
        "xml.etree.ElementTree.fromstring",
        "email.message_from_string",
        "yaml.safe_load",
        "configparser.ConfigParser().read_string",
    }
    | {"urllib.parse.urlparse", "urllib.parse.urljoin", "urllib.parse.quote"}
)
"""Their result is picked out of their argument."""

ENCODERS: Final = frozenset(
    {f"base64.{name}" for name in ("b64encode", "standard_b64encode", "urlsafe_b64encode", "b32encode", "b16encode", "b85encode")}
    | {"base64.encodebytes", "binascii.hexlify", "binascii.b2a_base64"}
)  # fmt: skip
"""What was spelled out of codes cannot be read any more in what they give, and is none of it until it is decoded again."""

ENDING: Final = frozenset(
    {
        f"builtins.{name}"
        for name in ("len", "int", "float", "bool", "hash", "isinstance", "id", "callable", "hasattr", "print")
    }
    | {"hmac.new", "hmac.digest"}
    | {"os.path.join", "os.path.basename", "os.path.exists", "os.path.isfile", "os.path.isdir", "os.path.getsize"}
    | {f"hashlib.{name}" for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "new")}
    | {"time.time", "time.sleep", "logging.getLogger", "warnings.warn"}
)
"""Their result tells nothing of where their argument came from."""

LOOKUPS: Final = frozenset(
    {
        "builtins.getattr",
        "builtins.vars",
        "builtins.globals",
        "builtins.locals",
        "builtins.__import__",
        "builtins.dir",
        "operator.attrgetter",
        "operator.methodcaller",
        "operator.itemgetter",
        "sys.modules",
    }
)

SETUP: Final = frozenset({"setuptools.setup", "distutils.core.setup"})
"""They say what is built; calls of them are kept for what they require."""
REQUIRING: Final = ("setup_requires", "install_requires", "dependency_links")

BUILD_FETCHERS: Final = frozenset(
    {"setuptools.Distribution().fetch_build_eggs", "setuptools.dist.Distribution().fetch_build_eggs"}
)
"""They install what a build is said to need."""
PUBLISHERS: Final = frozenset({"twine.commands.upload.main", "twine.commands.upload.upload", "twine.cli.dispatch"})
"""They publish files on an index of packages."""
SCHEDULERS: Final = frozenset(
    {
        "crontab.CronTab().new",
        "win32com.client.GetObject",
        "wmi.WMI",
        "win32com.client.Dispatch().GetFolder().RegisterTaskDefinition",
        "win32serviceutil.InstallService",
        "win32service.CreateService",
    }
)
"""They enter what the system starts at set times, or on an event."""

CALLBACKS: Final = frozenset(
    {
        "threading.Thread",
        "threading.Timer",
        "multiprocessing.Process",
        "builtins.map",
        "builtins.filter",
        "builtins.sorted",
        "functools.partial",
        "functools.reduce",
        "atexit.register",
        "_thread.start_new_thread",
        "asyncio.run",
        "asyncio.create_task",
        "asyncio.ensure_future",
        "sys.settrace",
        "sys.setprofile",
        "concurrent.futures.ThreadPoolExecutor().submit",
        "concurrent.futures.ThreadPoolExecutor().map",
        "contextlib.suppress",
        "contextlib.ExitStack().callback",
        "itertools.starmap",
        "weakref.finalize",
        "sched.scheduler().enter",
        "sched.scheduler().enterabs",
        "signal.signal",
        "sys.addaudithook",
        "builtins.iter",
        "builtins.max",
        "builtins.min",
        "re.sub",
        "asyncio.to_thread",
        "multiprocessing.Pool().map",
        "multiprocessing.Pool().apply",
        "multiprocessing.Pool().apply_async",
    }
)
"""They call the function they are given, by themselves."""

ROOTS: Final = frozenset(
    name.split(".")[0] for name in CODE_SINKS | COMMAND_SINKS | DECODERS | NETWORK | HOST_FACTS | SPIES
) - {"builtins"} | {"ctypes", "shutil", "winreg", "_winreg", "pickle", "importlib", "sys"}
"""First parts of names whose calls are kept as facts."""

KEPT_BUILTINS: Final = frozenset(
    {"builtins.exec", "builtins.eval", "builtins.execfile", "builtins.__import__", "builtins.compile"}
)


_VENDORED: Final = re.compile(r"^[A-Za-z_][\w.]*?\._?(?:vendor|vendored|packages)\.(?=(?:requests|urllib3|httpx)\b)")
"""A client that another project ships with itself: `pip._vendor.requests`."""
_PASSED_ON: Final = re.compile(
    r"([a-z_][a-z0-9_]*)(?:\.[A-Za-z0-9_]+)*?\._?(os|sys|subprocess|builtins|importlib|marshal|zlib|binascii|base64|ctypes)\.(?=[a-zA-Z_])"
)
"""A module of the standard library that another one has imported: `random._os.system`."""
_LIBRARY: Final = re.compile(
    r"ctypes\.(?:(?:cdll|windll|oledll|pydll)\.(?:LoadLibrary\(\)|\w+)|(?:WinDLL|OleDLL|PyDLL)\(\))\.(_?w?system|_?w?popen|WinExec)$"
)
"""Functions of a library that ctypes has loaded, by whatever name, which run a command."""


_BUILD_SPAWN: Final = re.compile(r"(?:setuptools|distutils)\.[\w.]+(?:\(\)[\w.]*)+\.spawn$")
"""Commands and compilers of a build tool run programs by a method of their own."""


@lru_cache(maxsize=20_000)
def canonical(name: str) -> str:
    """`name` under the spelling that the tables use: the longest known prefix is replaced."""
    passed = _PASSED_ON.match(name) if name.count(".") > 1 else None
    if passed and passed[1] in sys.stdlib_module_names and not name.startswith("asyncio.subprocess.create_"):
        name = f"{passed[2]}.{name[passed.end() :]}"
    elif name.startswith("ctypes."):
        name = _LIBRARY.sub(r"ctypes.CDLL().\1", name)
    elif "vendor" in name or ".packages." in name:
        name = _VENDORED.sub("", name)
    elif name.endswith("().spawn") and _BUILD_SPAWN.match(name):
        name = "distutils.spawn.spawn"
    if name.startswith("builtins.__builtins__."):
        name = "builtins." + name.removeprefix("builtins.__builtins__.")
    head, rest = name, ""
    while True:
        known = CANON.get(head)
        if known is not None:
            return canonical(known + rest) if known != head else name
        cut = head.rfind(".")
        if cut < 0:
            return name
        head, rest = head[:cut], head[cut:] + rest
