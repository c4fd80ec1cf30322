"""The HTTP face: CDS Hooks routes, health, knowledge page, SMART app."""
