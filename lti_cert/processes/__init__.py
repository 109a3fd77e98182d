"""Several programs on one machine: started in order, watched, ended together. Knows nothing of what they do."""
