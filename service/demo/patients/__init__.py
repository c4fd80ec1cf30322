"""The synthetic patients of the demo EHR."""
