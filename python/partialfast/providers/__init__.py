"""The providers of models: a folder each, which knows its SDK; nobody else does."""
