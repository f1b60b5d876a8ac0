"""What every stage uses: errors, whole files, settings, seeds, classes and columns."""
