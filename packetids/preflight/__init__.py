"""Look before hours of work: what is there, and would a run work?"""
