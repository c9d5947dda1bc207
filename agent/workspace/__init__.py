"""The workspace: the steps, and `configure`, which applies them; the jobs that init runs."""
