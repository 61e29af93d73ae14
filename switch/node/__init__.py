"""What runs: settings, the supervisor, the node process with its actors, where they are placed, how a start tells its progress."""
