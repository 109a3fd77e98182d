"""From the LMS into our session: login, launch, the handshake with the browser, the key set, sessions and tickets."""
