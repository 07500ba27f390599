"""The codec under Atheris, which follows the coverage of every input (https://github.com/google/atheris).

pip install atheris 'sorm-mediator[hypothesis]'
python contrib/atheris_codec.py CORPUS -max_total_time=300

The first octet of an input chooses direction and order, the rest are the octets that are decoded. The checks are those
of ``sorm-mediator fuzz --target codec``; one that does not hold ends the run, and Atheris writes the input to a file.
"""

import sys
from itertools import product

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
    try:
        import atheris
    except ImportError:
        sys.stderr.write(
            "atheris is missing: pip install atheris (for CPython up to the version that it supports)\n"
        )
        sys.exit(2)
    atheris.instrument_all()
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
