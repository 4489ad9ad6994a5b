package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: USER_HZ is 100 on every
// architecture that Linux runs on today (proc(5)).
const tick = 10 * time.Millisecond

// cpuTime is how long a process has been on a CPU: utime + stime, fields 14
// and 15 of /proc/PID/stat.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is the name in brackets and may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * tick, err
}

// idleTime is how long a CPU has had nothing to do: idle + iowait of its line
// in /proc/stat.
func idleTime(cpu int) (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(stat) {
		fields := strings.Fields(string(line))
		if fields[0] != fmt.Sprintf("cpu%d", cpu) || len(fields) < 6 {
			continue
		}
		idle, err := strconv.ParseInt(fields[4], 10, 64)
		if err != nil {
			return 0, err
		}
		waiting, err := strconv.ParseInt(fields[5], 10, 64)
		return time.Duration(idle+waiting) * tick, err
	}
	return 0, fmt.Errorf("/proc/stat has no CPU %d", cpu)
}

// residentMiB is VmRSS of /proc/PID/status, in MiB.
func residentMiB(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		var kib int64
		if _, err := fmt.Sscanf(string(line), "VmRSS: %d kB", &kib); err == nil {
			return float64(kib) / 1024, nil
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmRSS", pid)
}
