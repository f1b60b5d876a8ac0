"""What could make a score too good: leaks, shortcuts, labels that contradict each other."""
