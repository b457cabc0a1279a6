"""Files that travel alone: each one is copied to CI, a git server or an auditor, and imports nothing of ours."""
