"""A SMART App Launch 2.x authorization server for the demo EHR; Authlib's servers exist for Flask and Django only."""
