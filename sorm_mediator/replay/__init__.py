"""Scripts run as a console: scenarios in YAML and the vendor tester's JSON, against a lab or a running mediator."""
