"""The codec under Atheris, which follows the coverage of every input (https://github.com/google/atheris).

pip install atheris 'sorm-mediator[hypothesis]'
python contrib/atheris_codec.py CORPUS -max_total_time=300

The first octet of an input chooses direction and order, the rest are the octets that are decoded. The checks are those
of ``sorm-mediator fuzz --target codec``; one that does not hold ends the run, and Atheris writes the input to a file.
"""

import sys
from contextlib import nullcontext
from itertools import product

try:
    import atheris
except ImportError:
    atheris = None

# Coverage of the codec is what leads; instrumenting everything takes minutes.
with nullcontext() if atheris is None else atheris.instrument_imports(include=["protocol"]):
    from protocol import Channel
from sorm_mediator.fuzz.corpus import Input
from sorm_mediator.fuzz.units import CodecTarget

TARGET = CodecTarget()
CHOICES = [*product(Channel, ("", "order=70"))]


def try_one(octets: bytes) -> None:
    """Check one input. Raises whatever does not hold."""
    if not octets:
        return
    channel, context = CHOICES[octets[0] % len(CHOICES)]
    TARGET.check(Input(str(channel), bytes(octets[1:]), context))


def main() -> None:
    """Have Atheris make the inputs."""
    if atheris is None:
        sys.stderr.write(
            "atheris is missing: pip install atheris (for CPython up to the version that it supports)\n"
        )
        sys.exit(2)
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
