import pathlib
import plistlib

agent = pathlib.Path("~/Library/LaunchAgents/invalid.example.plist").expanduser()
agent.write_bytes(plistlib.dumps({"Label": "sample", "RunAtLoad": True, "ProgramArguments": ["print-sample"]}))
