"""What screening is told by the operator, and what its jobs work with."""

from __future__ import annotations

from dataclasses import dataclass, field

from bonded.db.engine import Database
from bonded.screening.name_lists import NameLists
from bonded.screening.policy import Policy
from bonded.screening.precision import PrecisionSettings
from bonded.screening.run import Scanner, ScanSettings
from bonded.screening.states import CheckState
from bonded.seams import Sandbox, Storage
from bonded.values.states import Mode


@dataclass(frozen=True, slots=True)
class ScreeningSettings:
    """`limits` are those of one sandboxed child; `policy` turns findings into a verdict; `mode` says what it does.

    `new_checks` is the state in which a check from outside begins; `names` are what new projects must not resemble.
    """

    mode: Mode = Mode.HOLD
    policy: Policy = field(default_factory=Policy)
    limits: ScanSettings = field(default_factory=ScanSettings)
    new_checks: CheckState = CheckState.EVALUATION
    precision: PrecisionSettings = field(default_factory=PrecisionSettings)
    names: NameLists = field(default_factory=NameLists)


@dataclass(frozen=True, slots=True)
class ScreeningContext:
    """What a screening job works with."""

    db: Database
    vault: Storage
    sandbox: Sandbox
    settings: ScreeningSettings = field(default_factory=ScreeningSettings)

    @property
    def scanner(self) -> Scanner:
        return Scanner(self.sandbox, self.settings.limits)
