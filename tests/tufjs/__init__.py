"""tuf-js, the JavaScript client, as a judge: Node and the client come from the package indexes, nothing need be installed."""
