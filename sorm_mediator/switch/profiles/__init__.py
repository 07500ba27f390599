"""Profiles of the switch: what leads a call within a domain, and which numbers SORM is shown.

``profile``      what a profile decides.
``ecss10``       contexts, numbering plans and bridges of ECSS-10.
``sipteco``      tenants of the Sipteco virtual PBX with dial rules.

:func:`profile_of` chooses: a domain with ``vpbx`` is a tenant (``switch.profile`` holds it for all domains).
"""

from typing import Final

from sorm_mediator.switch.domain import Domain
from sorm_mediator.switch.profiles.ecss10 import Ecss10
from sorm_mediator.switch.profiles.profile import Profile
from sorm_mediator.switch.profiles.sipteco import Sipteco

_ECSS10: Final = Ecss10()
_SIPTECO: Final = Sipteco()


def profile_of(domain: Domain) -> Profile:
    """The profile of a domain."""
    return _ECSS10 if domain.config.vpbx is None else _SIPTECO
