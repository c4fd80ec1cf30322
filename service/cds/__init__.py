"""The wire language of CDS Hooks; no I/O."""
