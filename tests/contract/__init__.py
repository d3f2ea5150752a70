"""Contract tests: names, settings, generated files and docs agree."""
