"""A `config.json` with every field that version 1.2 of the specification has for Linux."""

from typing import Any

MAPPINGS = [{"containerID": 0, "hostID": 100000, "size": 65536}]
HOOK = {"path": "/bin/hook", "args": ["hook", "it"], "env": ["A=b"], "timeout": 5}
RATES = [{"major": 8, "minor": 0, "rate": 600}]

PROCESS: dict[str, Any] = {
    "terminal": True,
    "consoleSize": {"height": 25, "width": 80},
    "user": {"uid": 1, "gid": 2, "umask": 63, "additionalGids": [5, 6]},
    "args": ["sh"],
    "env": ["PATH=/bin"],
    "cwd": "/",
    "capabilities": {kind: ["CAP_KILL"] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")},
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}],
    "apparmorProfile": "acme",
    "oomScoreAdj": 100,
    "scheduler": {
        "policy": "SCHED_DEADLINE",
        "nice": 0,
        "priority": 0,
        "flags": ["SCHED_FLAG_RESET_ON_FORK"],
        "runtime": 1000000,
        "deadline": 2000000,
        "period": 3000000,
    },
    "selinuxLabel": "system_u:system_r:svirt_lxc_net_t:s0:c124,c675",
    "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4},
    "noNewPrivileges": True,
    "execCPUAffinity": {"initial": "0-1", "final": "1"},
}

RESOURCES: dict[str, Any] = {
    "devices": [{"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}],
    "memory": {
        "limit": 536870912,
        "swap": 536870912,
        "reservation": 268435456,
        "kernel": -1,
        "kernelTCP": -1,
        "swappiness": 0,
        "disableOOMKiller": False,
        "useHierarchy": True,
        "checkBeforeUpdate": True,
    },
    "cpu": {
        "shares": 1024,
        "quota": 1000000,
        "period": 500000,
        "burst": 1000,
        "realtimeRuntime": 950000,
        "realtimePeriod": 1000000,
        "cpus": "2-3",
        "mems": "0-7",
        "idle": 0,
    },
    "pids": {"limit": 32771},
    "blockIO": {
        "weight": 10,
        "leafWeight": 10,
        "weightDevice": [{"major": 8, "minor": 0, "weight": 500, "leafWeight": 300}],
        "throttleReadBpsDevice": RATES,
        "throttleWriteBpsDevice": RATES,
        "throttleReadIOPSDevice": RATES,
        "throttleWriteIOPSDevice": RATES,
    },
    "hugepageLimits": [{"pageSize": "2MB", "limit": 209715200}],
    "network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]},
    "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}},
    "unified": {"memory.high": "1048576"},
}

SECCOMP: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 1,
    "architectures": ["SCMP_ARCH_X86_64"],
    "flags": ["SECCOMP_FILTER_FLAG_LOG"],
    "listenerPath": "/run/listener.sock",
    "listenerMetadata": "words",
    "syscalls": [
        {
            "names": ["getcwd", "chmod"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 2,
            "args": [{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}],
        }
    ],
}

CONFIG: dict[str, Any] = {
    "ociVersion": "1.2.0",
    "process": PROCESS,
    "root": {"path": "rootfs", "readonly": True},
    "hostname": "slartibartfast",
    "domainname": "magrathea.example",
    "mounts": [
        {
            "destination": "/data",
            "type": "bind",
            "source": "/srv/data",
            "options": ["rbind", "ro"],
            "uidMappings": MAPPINGS,
            "gidMappings": MAPPINGS,
        }
    ],
    "hooks": {
        phase: [HOOK]
        for phase in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
    },
    "annotations": {"com.example.gpu-cores": "2"},
    "linux": {
        "uidMappings": MAPPINGS,
        "gidMappings": MAPPINGS,
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "resources": RESOURCES,
        "cgroupsPath": "/myRuntime/myContainer",
        "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "user", "cgroup", "time")]
        + [{"type": "network", "path": "/run/netns/x"}],
        "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 0, "gid": 0}],
        "seccomp": SECCOMP,
        "rootfsPropagation": "slave",
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
        "mountLabel": "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811",
        "intelRdt": {
            "closID": "guaranteed_group",
            "l3CacheSchema": "L3:0=7f0;1=1f",
            "memBwSchema": "MB:0=20;1=70",
            "enableCMT": True,
            "enableMBM": True,
        },
        "personality": {"domain": "LINUX32"},
        "timeOffsets": {"monotonic": {"secs": 172800, "nanosecs": 1}, "boottime": {"secs": 604800, "nanosecs": 0}},
    },
}
