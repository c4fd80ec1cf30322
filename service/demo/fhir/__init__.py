"""A small FHIR R4 endpoint: the record of the demo EHR.

Written here because no maintained Python package fits: fhirstarter has no `next` links, the Medplum router runs on
Node, and HAPI needs a Java machine, while a newcomer shall see everything with one command.
"""
