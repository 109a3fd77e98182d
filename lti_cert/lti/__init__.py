"""LTI 1.3 Advantage as the standard has it, nothing of ours: claims, registrations, keys, tokens, services."""
