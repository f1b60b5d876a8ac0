"""What an embedded recording consists of, and how far a trivial rule separates its classes."""
