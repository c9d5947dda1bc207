"""devcontainer.json as far as it can be followed inside of a container that runs already."""
