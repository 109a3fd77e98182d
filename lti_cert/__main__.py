"""`python -m lti_cert` is `lti-cert`."""

from lti_cert.cli import main

if __name__ == "__main__":
    main()
