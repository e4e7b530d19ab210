"""How do users see a trajectory: the names with ``f_`` and ``v_``?"""
