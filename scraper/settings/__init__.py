"""What can be set, and how the layers are folded."""

from scraper.settings.model import Settings

__all__ = ["Settings"]
