"""Small programs that hosts run where Debian has none, or none that ends by itself."""
