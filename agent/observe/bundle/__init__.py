"""The support bundle: what somebody needs who is to help, and no secret that is known."""
