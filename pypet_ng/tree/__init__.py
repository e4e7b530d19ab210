"""What is a tree of parameters and results, before users see it?"""
