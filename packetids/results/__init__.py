"""Tables, figures and the page, ours beside the paper's."""
