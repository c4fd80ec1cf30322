"""FHIR R4/R4B to a case: codes, units, dates and evidence; no guideline and no I/O."""
