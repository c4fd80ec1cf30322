"""The handbook: Markdown pages of this package, served under `/docs`."""
