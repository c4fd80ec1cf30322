"""Requests that ship with the package."""
