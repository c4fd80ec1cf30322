"""The CDS Hooks client of the demo EHR."""
