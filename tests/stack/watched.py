"""Sample resources for tests of the monitoring."""

from infrastructure.monitoring import Watched

WATCHED = Watched(
    state_machine_arn="machine",
    starter="starter",
    starter_service="service",
    gate="gate",
    announcer="announcer",
    dead_letters="queue",
    log_group="logs",
)
