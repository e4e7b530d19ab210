"""Makes `tests` ours: some packages install a package of that name, which workers would find first."""
