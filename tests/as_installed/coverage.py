"""Not here, as where the switch is installed: packages of the tests need it, and others load it into each process where they find it."""

raise ModuleNotFoundError("only tests have coverage", name="coverage")
