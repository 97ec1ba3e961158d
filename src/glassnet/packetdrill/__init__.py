"""packetdrill scripts, run against this stack in virtual time.

The language is that of N. Cardwell et al., "packetdrill: Scriptable Network Stack Testing,
from Sockets to Packets", USENIX ATC 2013.
"""

from glassnet.packetdrill.play import Failure, Outcome, play
from glassnet.packetdrill.reading import read_script
from glassnet.packetdrill.script import Script, ScriptError

__all__ = ["Failure", "Outcome", "Script", "ScriptError", "play", "read_script"]
