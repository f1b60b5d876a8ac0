"""The version of the package, in a file of its own.

No reader and no stage imports it, so that a release leads to no other kernels, Parquet files or
results than the commit before it (`sources`).
"""

__version__ = "0.1.0"
