"""Known names about secrets: who hands out what a machine keeps, who makes keys, who asks for passwords, and what repeats them."""

from __future__ import annotations

import re
from typing import Final

_COOKIES: Final = frozenset({"chrome", "chromium", "edge", "firefox", "opera", "brave", "vivaldi", "safari", "load"})
KEEPERS: Final[dict[str, frozenset[str]]] = {
    "azure": frozenset({"get_token"}),
    "browser_cookie3": _COOKIES,
    "browsercookie": _COOKIES,
    "huggingface_hub": frozenset({"get_token"}),
    "keyring": frozenset({"get_credential"}),
    "kubernetes": frozenset({"list_namespaced_secret", "list_secret_for_all_namespaces", "read_namespaced_secret"}),
    "pycookiecheat": frozenset({"chrome_cookies", "firefox_cookies"}),
    "rookiepy": _COOKIES,
    "secretstorage": frozenset({"get_all_items", "get_secret", "search_items"}),
}
"""Libraries that hand out what the machine keeps for its user, and their functions that do so."""
_NOBODY: Final[frozenset[str]] = frozenset()


def is_kept_secret(name: str) -> bool:
    """Whether a call of `name` gives what the machine keeps secret for its user."""
    root, _, rest = name.partition(".")
    return name == "google.auth.default" or rest.rpartition(".")[2] in KEEPERS.get(root, _NOBODY)


KEY_MAKERS: Final = frozenset(
    {
        "mnemonic.Mnemonic().generate",
        "mnemonic.Mnemonic.to_seed",
        "mnemonic.Mnemonic().to_seed",
        "bip_utils.Bip39MnemonicGenerator().FromWordsNumber",
        "bitcoinlib.mnemonic.Mnemonic().generate",
        "bit.Key().to_wif",
        "bit.PrivateKey().to_wif",
        "bip32utils.BIP32Key.fromEntropy().WalletImportFormat",
        "eth_account.hdaccount.generate_mnemonic",
        "hdwallet.utils.generate_mnemonic",
        "algosdk.account.generate_account",
        "algosdk.mnemonic.from_private_key",
    }
)
"""Their result is the key or the words of a wallet."""
KEYS_MADE: Final = re.compile(
    r"(?:eth_account|web3)\b.*\b[aA]ccount\.(?:create|from_key|from_mnemonic|privateKeyToAccount)(?:_with_mnemonic)?\(\)\.(?:key|_private_key|privateKey)\."
)
"""Begins the names of methods of a key that was made."""

ASKING: Final[dict[str, str]] = {
    "getpass.getpass": "",
    "pwinput.pwinput": "",
    "stdiomask.getpass": "",
    "maskpass.askpass": "",
    "maskpass.advpass": "",
    "easygui.passwordbox": "",
    "pyautogui.password": "",
    "inquirer.password": "",
    "questionary.password().ask": "",
    "tkinter.simpledialog.askstring": "show",
    "tkinter.simpledialog.askstring()": "show",
    "click.prompt": "hide_input",
    "typer.prompt": "hide_input",
    "rich.prompt.Prompt.ask": "password",
}
"""They ask for a password; if they may ask for something else as well, the keyword that says it."""

REPEATING: Final = frozenset(
    {
        "dumps",
        "packb",
        "encrypt",
        "encrypt_and_digest",
        "b58encode",
        "b58encode_check",
        "to_hex",
        "toHex",
        "to_text",
        "to_string",
    }
)
"""Last names of functions of libraries after which a text is the same, written otherwise."""
SPELLING: Final = REPEATING | {
    *(one for kind in (str, bytes, dict, list) for one in dir(kind) if not one.startswith("_")),
    *("private_bytes", "to_bytes", "to_wif", "export_key", "exportKey", "serialize", "to_json", "to_dict", "secret"),
    *("read", "read_text", "read_bytes", "getvalue"),
}
"""Methods of a key, or of what holds it, that give the same written otherwise."""


_TOKEN: Final = re.compile(r"\d{6,}:[\w-]{20,}|[\w-]{20,}\.[\w-]{5,}\.[\w-]{20,}")


def is_token(text: object) -> bool:
    """Whether a constant is the token of a bot: beside a variable of the environment, it is what stands in the code."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None
