"""Every number of the paper, and every sentence with one, judged on this run."""
