"""How each fact is read from FHIR, one module a clinical topic."""
