"""The dashboard: pages for people, drawn from the same box that the API tells of."""
