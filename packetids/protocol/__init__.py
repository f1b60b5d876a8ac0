"""Under which rules rows are training rows or test rows: the paper's, and a strict reviewer's."""
