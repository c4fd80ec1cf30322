"""Launch, login, and logout of the SMART app."""
