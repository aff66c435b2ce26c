"""Jobs and their runs in a browser: pages for people, JSON for programs, figures for Prometheus."""
