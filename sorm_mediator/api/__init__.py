"""What other programs may use: one namespace, with a promise (docs/api.md). Everything else is private.

Tests begin with :func:`lab` or :func:`mediator`, without asyncio. With asyncio, :func:`in_lab` and :func:`toward` give
the same target, and :class:`ConsoleClient` is its console. :class:`Codec` turns octets into messages and back, without
any lab.
"""

from sorm_mediator import reserved

reserved.check_names()  # before anything is imported that may be hidden

from protocol import COMMANDS as COMMANDS
from protocol import EVENTS as EVENTS
from protocol import KPD1_MESSAGES as KPD1_MESSAGES
from protocol import AddKsl as AddKsl
from protocol import AddObject as AddObject
from protocol import Alarm as Alarm
from protocol import Answer as Answer
from protocol import Category as Category
from protocol import ChangeObject as ChangeObject
from protocol import Channel as Channel
from protocol import Codec as Codec
from protocol import Command as Command
from protocol import CommandExecuted as CommandExecuted
from protocol import CommandReceived as CommandReceived
from protocol import ConnectKsl as ConnectKsl
from protocol import DecodeError as DecodeError
from protocol import ElectronicMessage as ElectronicMessage
from protocol import EncodeError as EncodeError
from protocol import GetKsl as GetKsl
from protocol import GetObjects as GetObjects
from protocol import GetServices as GetServices
from protocol import GetTrunks as GetTrunks
from protocol import GetVersion as GetVersion
from protocol import GroupType as GroupType
from protocol import Interrupt as Interrupt
from protocol import Ksl as Ksl
from protocol import KslConnected as KslConnected
from protocol import KslInfo as KslInfo
from protocol import KslReleased as KslReleased
from protocol import KslRow as KslRow
from protocol import Message as Message
from protocol import NumberReceived as NumberReceived
from protocol import NumberSign as NumberSign
from protocol import ObjectInfo as ObjectInfo
from protocol import ObjectType as ObjectType
from protocol import Options as Options
from protocol import Party as Party
from protocol import Priority as Priority
from protocol import Problem as Problem
from protocol import ProtocolError as ProtocolError
from protocol import Raw as Raw
from protocol import Release as Release
from protocol import ReleaseKsl as ReleaseKsl
from protocol import RemoveKsl as RemoveKsl
from protocol import RemoveObject as RemoveObject
from protocol import Restart as Restart
from protocol import ServicesInfo as ServicesInfo
from protocol import ServiceUsed as ServiceUsed
from protocol import SetPassword as SetPassword
from protocol import Start as Start
from protocol import StationType as StationType
from protocol import Stop as Stop
from protocol import StreamFramer as StreamFramer
from protocol import Test as Test
from protocol import TestReplyKpd1 as TestReplyKpd1
from protocol import TestReplyKpd2 as TestReplyKpd2
from protocol import Time as Time
from protocol import TrunkInfo as TrunkInfo
from protocol import UnauthorizedAccess as UnauthorizedAccess
from protocol import Unit as Unit
from protocol import UnknownUnit as UnknownUnit
from protocol import VersionInfo as VersionInfo
from protocol.jsonform import from_json as from_json
from protocol.jsonform import to_json as to_json
from sorm_mediator import __version__ as __version__
from sorm_mediator import config as _config
from sorm_mediator.api.sync import ExpectationError as ExpectationError
from sorm_mediator.api.sync import LabCall as LabCall
from sorm_mediator.api.sync import LabConsole as LabConsole
from sorm_mediator.api.sync import LabSwitch as LabSwitch
from sorm_mediator.api.sync import RunningLab as RunningLab
from sorm_mediator.api.sync import lab as lab
from sorm_mediator.api.sync import mediator as mediator
from sorm_mediator.config import Config as Config
from sorm_mediator.config import ConfigError as ConfigError
from sorm_mediator.console.client import ConsoleClient as ConsoleClient
from sorm_mediator.console.client import Crossed as Crossed
from sorm_mediator.console.client import Observer as Observer
from sorm_mediator.console.errors import ConnectError as ConnectError
from sorm_mediator.console.errors import ScriptError as ScriptError
from sorm_mediator.console.errors import StepError as StepError
from sorm_mediator.console.errors import UsageError as UsageError
from sorm_mediator.console.target import RunTarget as RunTarget
from sorm_mediator.errors import BoxError as BoxError
from sorm_mediator.interactive.station import End as End
from sorm_mediator.interactive.station import carry_out as carry_out
from sorm_mediator.lab.targets import in_lab as in_lab
from sorm_mediator.lab.targets import toward as toward
from sorm_mediator.replay import session as _session
from sorm_mediator.replay.results import Exchange as Exchange
from sorm_mediator.replay.results import ScriptResult as ScriptResult
from sorm_mediator.replay.results import StepResult as StepResult
from sorm_mediator.replay.session import ReplaySettings as ReplaySettings
from sorm_mediator.replay.session import run_scripts as run_scripts

load_config = _config.load
load_script = _session.load
