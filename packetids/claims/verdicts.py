"""What can be said of a claim."""

HOLDS, FAILS = "holds", "does not hold on this data"
OPEN = "cannot be judged on this data"
CONTRADICTS = "the paper contradicts itself"
CHOICE, OTHER_CHOICE = "a choice, taken over", "a choice, ours differs"
ALL = [HOLDS, FAILS, OPEN, CONTRADICTS, CHOICE, OTHER_CHOICE]
