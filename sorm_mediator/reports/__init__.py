"""What the reports of ``replay``, ``acceptance`` and ``conformance`` have in common: JUnit's XML and the printed page."""
