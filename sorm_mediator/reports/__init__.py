"""Common to the reports of several commands: JUnit's XML and the printed page."""
