"""``python -m sorm_mediator`` is ``sorm-mediator``."""

from sorm_mediator.cli import main

main()
