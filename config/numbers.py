"""Numbers in text."""

import re

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
"""A decimal number, all of a text. What float() takes beyond it (`1_000`, `nan`, other scripts' digits) is a slip."""
