#!/usr/bin/env python
"""The panel's command line: migrations, first run, tokens, images, the audit chain."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
    execute_from_command_line(sys.argv)
