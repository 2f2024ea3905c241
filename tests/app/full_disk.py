"""scripted_service.py, whose log goes to a disk without room."""

import os
import runpy
import sys
from pathlib import Path

full = os.open("/dev/full", os.O_WRONLY)
os.dup2(full, sys.stdout.fileno())
os.dup2(full, sys.stderr.fileno())
runpy.run_path(str(Path(__file__).parent / "scripted_service.py"), run_name="__main__")
