"""Who is told what: the mails, and the record of those that were sent."""
