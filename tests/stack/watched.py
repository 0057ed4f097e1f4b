"""The names of the alarms that the monitoring makes."""


def alarm_names() -> list[str]:
    """The names of the module's alarms."""
    from infrastructure.monitoring import Watched, alarms  # noqa: PLC0415 - slow to import

    watched = Watched(
        state_machine_arn="machine",
        starter="starter",
        starter_service="service",
        gate="gate",
        monitor="monitor",
        announcer="announcer",
        reporter="reporter",
        dead_letters="queue",
        log_group="logs",
        model="demo",
    )
    return [alarm.name for alarm in alarms(watched)]
