"""P11. Windows: the task is in the order of the published schema (MS-TSCH 2.5), which is written down here."""

import subprocess
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.scheduler.tool import Done
from somabus.scheduler.windows import Windows
from tests.model.examples import quick
from tests.scheduler.plans import HARD, JOB, NOW, Calls, plan

SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
TRIGGER = ("Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit", "RandomDelay")
SCHEMA = {
    # In these any order is allowed; this one is what Windows itself writes, or what the page lists.
    "Task": ("RegistrationInfo", "Triggers", "Principals", "Settings", "Data", "Actions"),
    "RegistrationInfo": ("URI", "SecurityDescriptor", "Source", "Date", "Author", "Version", "Description", "Documentation"),
    "Principal": ("UserId", "LogonType", "GroupId", "DisplayName", "RunLevel", "ProcessTokenSidType", "RequiredPrivileges"),
    "Settings": (
        "AllowStartOnDemand", "RestartOnFailure", "MultipleInstancesPolicy", "DisallowStartIfOnBatteries",
        "StopIfGoingOnBatteries", "AllowHardTerminate", "StartWhenAvailable", "NetworkProfileName",
        "RunOnlyIfNetworkAvailable", "WakeToRun", "Enabled", "Hidden", "DeleteExpiredTaskAfter", "IdleSettings",
        "NetworkSettings", "ExecutionTimeLimit", "Priority", "RunOnlyIfIdle",
    ),
    "Repetition": ("Interval", "Duration", "StopAtDurationEnd"),
    "Exec": ("Command", "Arguments", "WorkingDirectory"),
    # These are sequences: another order is refused.
    "TimeTrigger": TRIGGER,
    "CalendarTrigger": (*TRIGGER, "ScheduleByDay", "ScheduleByWeek", "ScheduleByMonth", "ScheduleByMonthDayOfWeek"),
    "ScheduleByDay": ("DaysInterval",),
    "Triggers": ("BootTrigger", "IdleTrigger", "TimeTrigger", "EventTrigger", "LogonTrigger", "CalendarTrigger"),
    "Principals": ("Principal",),
    "Actions": ("Exec",),
}  # fmt: skip
CADENCES = [
    "6h",
    "90s",
    "7m",
    "1w",
    "40d",
    "0 9 * * 1-5",
    "0 9 * * 1-5 Europe/Berlin",
    "*/10 * * * *",
    "5,35 * * * *",
    "30 2 * * *",
]


def task(every="6h", **changed):
    """The task as Windows would read it: from the bytes of the file."""
    text = Windows("CORP\\me").render(plan(every, **changed), NOW)
    return ET.fromstring(text.encode("utf-16"))  # noqa: S314 - our own


def text(element, path):
    """The text at a path below an element."""
    return element.findtext("/".join(SPACE + each for each in path.split("/")))


@pytest.mark.parametrize("every", CADENCES)
@pytest.mark.parametrize("always", [False, True])
def test_the_elements_are_in_the_order_of_the_schema(every, always):
    """Each element has only children that the schema knows, in its order, and the leaves have a text."""
    for element in task(every, always=always).iter():
        names = [each.tag.removeprefix(SPACE) for each in element]
        order = SCHEMA.get(element.tag.removeprefix(SPACE), ())
        assert [order.index(name) for name in names] == sorted(order.index(name) for name in names), element.tag
        assert names or str(element.text).strip()


def test_the_settings_are_those_of_a_routine():
    """It starts when the machine was off at its time, never beside itself, also on batteries, and not for ever."""
    settings = {each.tag.removeprefix(SPACE): each.text for each in task().find(f"{SPACE}Settings")}

    assert settings["StartWhenAvailable"] == "true"
    assert settings["MultipleInstancesPolicy"] == "IgnoreNew"
    assert settings["DisallowStartIfOnBatteries"] == settings["StopIfGoingOnBatteries"] == "false"
    assert settings["ExecutionTimeLimit"] == "P1D"


@pytest.mark.parametrize(("always", "logon"), [(False, "InteractiveToken"), (True, "S4U")])
def test_logged_on_or_not(always, logon):
    """By default it runs while its user is logged on; with --always whether or not, and without a password."""
    found = task(always=always)

    assert text(found, "Principals/Principal/LogonType") == logon
    assert text(found, "Principals/Principal/UserId") == "CORP\\me"


@pytest.mark.parametrize(
    ("every", "first", "interval"),
    [
        ("6h", "2026-01-05T18:00:00Z", "PT21600S"),
        ("90s", "2026-01-05T12:07:30Z", "PT90S"),
        ("7m", "2026-01-05T12:09:00Z", "PT420S"),
        ("*/10 * * * *", "2026-01-05T00:00:00Z", "PT600S"),
        ("5,35 * * * *", None, None),
    ],
)
def test_a_span_repeats_on_its_own_grid(every, first, interval):
    """What comes at even distances is one trigger in UTC that repeats without an end, on the grid."""
    found = task(every)
    if interval is None:
        assert len(found.findall(f".//{SPACE}CalendarTrigger")) == 48
        return

    assert text(found, "Triggers/TimeTrigger/StartBoundary") == first
    assert text(found, "Triggers/TimeTrigger/Repetition/Interval") == interval
    assert text(found, "Triggers/TimeTrigger/Repetition/Duration") is None


def test_a_wall_clock_is_covered_in_both_seasons():
    """Nine o'clock in Berlin is seven or eight in UTC: a trigger for each, every day."""
    found = task("0 9 * * 1-5 Europe/Berlin").findall(f".//{SPACE}CalendarTrigger/{SPACE}StartBoundary")

    assert [each.text[11:] for each in found] == ["07:00:00Z", "08:00:00Z"]


def test_hard_paths_are_escaped():
    """Angle brackets and ampersands are XML's, quotes and blanks the command line's; both come out as they went in."""
    hard = plan(**HARD)
    found = task(**HARD)

    assert text(found, "Actions/Exec/Command") == hard.python
    assert text(found, "Actions/Exec/Arguments") == subprocess.list2cmdline(hard.command[1:])


@quick
@given(st.text(st.characters(blacklist_categories=("C", "Z")), max_size=30))
def test_any_path_parses_back(path):
    """Whatever letters a path has, the file is XML in UTF-16 and holds them."""
    assert path in text(task(bus=f"/{path}"), "Actions/Exec/Arguments").replace('\\"', '"')


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp437"])
def test_the_printed_task_is_read_in_whatever_encoding_it_was_saved(encoding):
    """PowerShell saves what it redirects in UTF-16 with a mark, other shells in theirs: each file is sound XML."""
    printed = Windows("me").render(plan(**HARD), NOW)

    found = ET.fromstring(printed.encode(encoding))  # noqa: S314 - our own

    assert text(found, "Actions/Exec/Arguments") == subprocess.list2cmdline(plan(**HARD).command[1:])


def test_the_tool_is_called_with_one_name():
    """Created over what is there, under the one name; removed only if it is there; what was asked is in the file."""
    files = []

    class Schtasks(Calls):
        def __call__(self, order, given=b""):
            if "/create" in order:
                with open(order[order.index("/xml") + 1], "rb") as file:
                    files.append(file.read())
            return super().__call__(order, given)

    calls = Schtasks(**{"/query": Done(0, b"<Task/>")})
    windows = Windows("me", calls)
    windows.install(plan(), NOW)

    assert files[0][:2] in (b"\xff\xfe", b"\xfe\xff")
    assert files[0].decode("utf-16") == windows.render(plan(), NOW)
    assert windows.remove(JOB)
    assert [order[1] for order in calls.orders] == ["/create", "/query", "/delete"]
    assert {order[order.index("/tn") + 1] for order in calls.orders} == {JOB}
    assert not Windows("me", Calls(**{"/query": Done(1)})).remove(JOB)


def test_a_network_drive_needs_the_password():
    """A logon without a password reaches no file server: who asks for --always is told how to store it."""
    assert "schtasks /change" in Windows("me", Calls()).note(plan(always=True))
