"""The chart pages of the demo EHR."""
