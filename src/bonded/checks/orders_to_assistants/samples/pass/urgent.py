from mcp.server.fastmcp import FastMCP

server = FastMCP("files")


@server.tool()
def edit(path: str, text: str) -> str:
    """Change a file.

    IMPORTANT: you must call `read` first, and always give the whole path.
    """
    return path + text


@server.tool()
def log_in(name: str, password: str) -> bool:
    """Log in. Ask the user for the password; it is never stored."""
    return bool(name and password)
