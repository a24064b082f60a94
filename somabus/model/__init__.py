"""Values: names, ids, message, envelope, card, heartbeat … no disk, no network, no clock, no dice."""
