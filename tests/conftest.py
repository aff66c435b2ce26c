"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Both judge how fast the machine is just now, and no test of ours is about that.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
