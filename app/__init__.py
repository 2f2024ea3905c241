"""Docent over HTTP: settings, resources, turns and the doors through which readers come in."""

__version__ = "0.1.0"  # not from the installed package: a container may run from the sources alone
