"""Which code, packages and machine made a result? (Its place in the layers; sessions keep the first facts.)"""
