"""What the project costs: time, memory and disk, measured; never part of the tests."""
