"""Find a dataset's captures, recognise them, list them."""
