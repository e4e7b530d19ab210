"""What happens between the script and the storage while a trajectory is at work?"""
