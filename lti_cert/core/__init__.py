"""What every feature stands on and no product word belongs to: database, clock, HTTP, errors, ids, logs."""
