"""A client that installs nothing it cannot verify: project pages and files through TUF (PEP 458).

It stands alone: imports nothing of the server, and works with any index that publishes the layout described in
`docs/client-author/layout.md`. Files by step: `index` (addresses), `fetcher` and `decode` (bytes from the network, under
caps and deadlines), `trust` (python-tuf's updater, kept fresh), `page` and `choose` (which file), `download` and `verify`
(what the commands do), `failures` (every way it can end badly), `cli`. Of `sbom` and `upgrade`: `interpreter`, `packages` and
`pinned` (what there is), `released` and `known` (what the index says of it), `needs`, `plan` and `additions` (what may move),
`sbom`.
Invariant: no byte of a file is left under its name before its length and sha256 are those that the index signed.
"""

__version__ = "0.1.0"
