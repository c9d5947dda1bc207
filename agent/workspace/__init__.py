"""The workspace: the steps, and `configure`, which applies them."""
