from importlib.metadata import metadata

exec(metadata("sample")["Keywords"])
