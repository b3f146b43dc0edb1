"""How much of what pages and mails say each language has, as shares. Written by `python -m tools.catalogues`."""

TRANSLATED: dict[str, tuple[float, float]] = {
    "ar": (1.000, 1.000),
    "de": (1.000, 1.000),
    "el": (0.000, 0.000),
    "en": (1.000, 1.000),
    "eo": (0.000, 0.000),
    "es": (1.000, 1.000),
    "fa": (0.000, 0.000),
    "fr": (1.000, 1.000),
    "he": (0.000, 0.000),
    "ja": (1.000, 1.000),
    "ko": (0.000, 0.000),
    "pl": (1.000, 1.000),
    "pt_BR": (1.000, 1.000),
    "ru": (0.000, 0.000),
    "uk": (0.000, 0.000),
    "zh_Hans": (1.000, 1.000),
    "zh_Hant": (0.000, 0.000),
}
