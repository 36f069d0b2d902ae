"""The client against real servers with a real model, all of them from PyPI: ``make test-real``."""
