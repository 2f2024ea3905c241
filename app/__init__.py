"""Docent over HTTP: settings, resources, turns and the doors through which readers come in."""
