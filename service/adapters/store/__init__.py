"""What is kept: issued cards, feedback, token ids and app sessions, one module a concept."""
