"""How much of what pages and mails say each language has, as shares. Written by `python -m tools.catalogues`."""

TRANSLATED: dict[str, tuple[float, float]] = {
    "ar": (0.000, 0.000),
    "de": (1.000, 1.000),
    "el": (0.000, 0.000),
    "en": (1.000, 1.000),
    "eo": (0.000, 0.000),
    "es": (0.267, 0.012),
    "fa": (0.000, 0.000),
    "fr": (1.000, 1.000),
    "he": (0.000, 0.000),
    "ja": (0.000, 0.000),
    "ko": (0.000, 0.000),
    "pl": (0.000, 0.000),
    "pt_BR": (0.000, 0.000),
    "ru": (0.000, 0.000),
    "uk": (0.000, 0.000),
    "zh_Hans": (0.000, 0.000),
    "zh_Hant": (0.000, 0.000),
}
