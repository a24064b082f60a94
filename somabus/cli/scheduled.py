"""What a scheduler starts: `somabus beat --scheduled --job NAME --log FILE`."""

import threading
from collections.abc import Callable

from somabus.agent import Agent
from somabus.cli.group import Context, finish
from somabus.cli.output import Exit, code_of
from somabus.clock import SystemClock
from somabus.connection import known_bus
from somabus.errors import SomabusError, StoreError
from somabus.model.names import check_name
from somabus.scheduler import Standing, standing_away
from somabus.scheduler.record import Record
from somabus.scheduler.serve import Start, Turn


def serve_slot(context: Context, job: str, prepared: Callable[[], Agent], beat: Callable[[Agent], Exit]) -> None:
    """Be what a scheduler started; end with the code of the beat, 0 if the slot was served, or 7 if one is at work."""
    name, bus_id, record = remembered(context)
    ended: list[Exit] = []

    def run(agent: Agent) -> int:
        ended.append(beat(agent))
        return int(ended[-1])

    turn = Start(
        record=record, who=(name, bus_id), job=job, clock=SystemClock(), pause=threading.Event().wait,
        agent=prepared, beat=run,
        served=lambda agent: _tell_served(context, agent), code_of=_code,
    ).serve()  # fmt: skip
    if turn is Turn.BUSY:
        context.out.answer({"busy": True}, "another firing of this agent is at work")
        finish(Exit.BUSY)
    if turn is Turn.SERVED:
        return
    finish(ended[-1])


def _tell_served(context: Context, agent: Agent) -> None:
    now = agent.inbox.now()
    slot, coming = agent.schedule.due(now), agent.schedule.next(now)
    text = f"the slot {slot:%Y-%m-%d %H:%M} UTC was served before; next slot {coming:%Y-%m-%d %H:%M} UTC"
    context.out.answer({"served": slot, "next_slot": coming}, text)


def remembered(context: Context) -> tuple[str, str, Record]:
    """Return the agent that is set, the id of its bus and its record; a drive that was seen before is not looked at."""
    settings = context.settings
    bus = known_bus(context.bus(), settings.home or None)
    if bus is None or not settings.agent:
        bus = context.agent().bus  # it is no bus, or nobody is set; or it is remembered from now on
    name = check_name(settings.agent)
    return name, bus.bus, Record.of(bus.bus, name, settings.home)


def standing_here(context: Context, why: StoreError) -> Standing:
    """Tell how the routine of the agent that is set does, as far as this machine knows without the drive."""
    name, _bus_id, record = remembered(context)
    return standing_away(name, record, SystemClock().now(), str(why))


def _code(error: Exception) -> int:
    return int(code_of(error) if isinstance(error, SomabusError) else Exit.BUG)
