"""What the files of control groups tell of a run, in the words of either version."""

from pathlib import Path

from engine.cgroups import CgroupManager, Hierarchy, evidence
from engine.spec.death import Memory, Pressure, Usage

PSI = "some avg10=1.50 avg60=0.25 avg300=0.00 total=7\nfull avg10=1.00 avg60=0.10 avg300=0.00 total=5\n"


def test_only_files_of_the_controllers_there_are_are_read_and_pressure_is_the_hosts_on_v1() -> None:
    hierarchies = [
        Hierarchy(Path("/sys/fs/cgroup/cpu,cpuacct"), 1, ("cpu", "cpuacct")),
        Hierarchy(Path("/sys/fs/cgroup/devices"), 1, ("devices",)),
        Hierarchy(Path("/sys/fs/cgroup/unified"), 2, ("pids",)),
    ]
    cgroup = CgroupManager("moorage/x", hierarchies).find("ab")
    assert evidence.places(cgroup, hierarchies) == [
        ["/sys/fs/cgroup/cpu,cpuacct/moorage/x/ab", "cpuacct.usage"],
        ["/sys/fs/cgroup/unified/moorage/x/ab", "pids.peak"],
        ["/proc/pressure", "memory", "cpu", "io"],
    ]


def test_on_v2_pressure_is_the_containers_own() -> None:
    hierarchies = [Hierarchy(Path("/sys/fs/cgroup"), 2, ("cpu", "io", "memory", "pids"))]
    ((folder, *names),) = evidence.places(CgroupManager("moorage/x", hierarchies).find("ab"), hierarchies)
    assert folder == "/sys/fs/cgroup/moorage/x/ab"
    assert {"memory.peak", "cpu.pressure", "io.stat"} < set(names)


def test_v1_is_read() -> None:
    texts = {
        "memory.limit_in_bytes": "9223372036854771712\n",
        "memory.usage_in_bytes": "4096\n",
        "memory.max_usage_in_bytes": "8192\n",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        "cpuacct.usage": "1234\n",
        "blkio.throttle.io_service_bytes": "8:0 Read 10\n8:0 Write 20\n8:16 Read 5\nTotal 35\n",
        "memory": PSI,
    }
    assert evidence.memory(texts) == Memory(None, 4096, 8192, 2)
    assert evidence.usage(texts) == Usage(1234, 15, 20, None)
    assert evidence.pressure(texts) == {"memory": Pressure("host", 1.5, 0.25, 1.0, 0.1)}


def test_v2_is_read() -> None:
    texts = {
        "memory.max": "max\n",
        "memory.current": "4096\n",
        "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n",
        "cpu.stat": "usage_usec 50\nuser_usec 30\n",
        "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=5\n",
        "pids.peak": "4\n",
        "cpu.pressure": PSI.splitlines()[0] + "\n",
    }
    assert evidence.memory(texts) == Memory(None, 4096, None, 1)
    assert evidence.usage(texts) == Usage(50_000, 15, 20, 4)
    assert evidence.pressure(texts) == {"cpu": Pressure("container", 1.5, 0.25, 0.0, 0.0)}


def test_what_is_not_there_is_not_known() -> None:
    assert evidence.memory({}) == Memory()
    assert evidence.usage({}) == Usage()
    assert evidence.pressure({"memory": ""}) == {}
