"""What a batch reads and writes: documents, journals, result files."""
