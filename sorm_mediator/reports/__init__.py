"""What the reports of several commands have in common: JUnit's XML and the printed page."""
