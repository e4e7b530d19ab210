"""Which files here are no tests? Scripts that need pypet, or its alias, to be imported at all."""

collect_ignore = ["scripts", "record.py"]
