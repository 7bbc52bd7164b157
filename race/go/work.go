package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// compute keeps the processor busy, exactly as ../src/work.rs does.
func compute(seed uint64, steps int) uint64 {
	state := seed | 1
	for i := 0; i < steps; i++ {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
	}
	return state
}

// shuffled is whom number i of count comes to.
func shuffled(i, count int) int {
	return i * 1_000_003 % count
}

func median(durations []time.Duration) time.Duration {
	slices.Sort(durations)
	return durations[len(durations)/2]
}

// memory is what the process occupies, with page tables, in bytes.
func memory() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	kib := 0
	for _, line := range strings.Split(string(status), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 3 && (fields[0] == "VmRSS:" || fields[0] == "VmPTE:") {
			number, err := strconv.Atoi(fields[1])
			if err != nil {
				panic(err)
			}
			kib += number
		}
	}
	return kib << 10
}
