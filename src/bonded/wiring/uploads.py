"""What takes uploads in."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bonded.settings import SettingsError
from bonded.values.names import normalize
from bonded.values.states import Mode
from bonded.wiring.stores import Stores

if TYPE_CHECKING:
    from bonded.seams import Attester
    from bonded.upload.accept import UploadContext
    from bonded.upload.limits import UploadLimits
    from bonded.upload.receive import Receiver


@dataclass(frozen=True)
class Uploads(Stores):
    """Limits of uploads, and what receives them."""

    @cached_property
    def upload(self) -> UploadContext:
        """What accepting an upload works with."""
        from bonded.upload.accept import UploadContext

        return UploadContext(self.db, self.vault, self.limits, Mode(self.settings.screening.mode), self.attester)

    @cached_property
    def attester(self) -> Attester | None:
        """What verifies attestations; None where they are not taken. Raises SettingsError."""
        from importlib.util import find_spec

        chosen = self.settings.attestations
        if not chosen.accept or find_spec("pypi_attestations") is None:
            return None
        from bonded.adapters.attester_sigstore import SigstoreAttester

        return SigstoreAttester(self._trusted_root(chosen.trusted_root) if chosen.trusted_root else None)

    def _trusted_root(self, name: str) -> Path:
        """The file, which can be read and is one. Raises SettingsError."""
        path = self.directory / name
        try:
            read = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"`attestations.trusted_root` cannot be read: {error}") from None
        if not isinstance(read, dict) or not {"tlogs", "certificateAuthorities", "ctlogs"} <= read.keys():
            raise SettingsError(f"`attestations.trusted_root`: {path} is no trusted root in Sigstore's form")
        return path

    @property
    def limits(self) -> UploadLimits:
        """Caps and policies of uploads."""
        from bonded.upload.limits import UploadLimits

        u = self.settings.upload
        return UploadLimits(
            max_file_bytes=u.max_file_bytes,
            max_form_bytes=u.max_form_bytes,
            linux_tags=u.linux_tags,
            local_versions=u.local_versions,
            direct_references=u.direct_references,
            exact_names=u.exact_names,
            prohibited=frozenset(map(normalize, u.prohibited)),
            freeze_after=timedelta(days=u.freeze_after_days) if u.freeze_after_days else None,
        )

    def new_receiver(self, content_type: str) -> Receiver:
        """A receiver for one upload. Raises Refusal."""
        from bonded.upload.receive import Receiver

        return Receiver(self.limits, self.spool, content_type)

    def new_submission(self, content_type: str) -> Receiver:
        """A receiver for one archive that is only screened. Raises Refusal."""
        from bonded.upload.receive import Receiver

        limits = replace(self.limits, max_file_bytes=self.settings.service.max_file_bytes)
        return Receiver(limits, self.spool, content_type)
