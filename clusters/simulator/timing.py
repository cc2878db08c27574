"""How fast the simulated machinery moves."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds; `time_scale` shortens the seconds that specs name."""

    pod_ready: float = 0.3  # from scheduled to ready
    pod_stop: float = 0.1  # from deletion to gone
    rollout_step: float = 0.1  # at least this long between two steps of a rolling update
    settle: float = 0.02  # until a controller has seen a change
    image_retry: float = 0.5  # from ErrImagePull to ImagePullBackOff, and between crashes
    time_scale: float = 1.0  # of minReadySeconds and progressDeadlineSeconds
