"""The package installs a command under the name of a tool that everybody uses."""
