"""The demo EHR: an optional extra that nothing imports."""
