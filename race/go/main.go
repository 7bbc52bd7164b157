// Go: goroutines and channels of its runtime. See ../src/lib.rs for the rules, and ../src/workloads.rs for the workloads.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// task is one run of one workload.
type task struct {
	procs int
	sizes map[string]int
}

func (t task) size(name string) int {
	number, known := t.sizes[name]
	if !known {
		panic("the workload has no size called " + name)
	}
	return number
}

// reply is what came out of a run: ../src/task.rs explains it.
type reply struct {
	Answer  uint64   `json:"answer"`
	Figures []figure `json:"figures"`
}

type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

func nanosEach(answer int, elapsed time.Duration, count int) reply {
	return reply{uint64(answer), []figure{{"", perUnit(elapsed, count)}}}
}

func millis(answer int, elapsed time.Duration) reply {
	return reply{uint64(answer), []figure{{"", elapsed.Seconds() * 1e3}}}
}

func micros(answer int, elapsed time.Duration) reply {
	return reply{uint64(answer), []figure{{"", elapsed.Seconds() * 1e6}}}
}

func perUnit(elapsed time.Duration, count int) float64 {
	return elapsed.Seconds() * 1e9 / float64(count)
}

var programs = map[string]func(task) reply{
	"ctxswitch": ctxswitch,
	"pingpong":  pingpong,
	"flow":      flow,
	"select3":   select3,
	"ring":      ring,
	"sieve":     sieve,
	"pool":      pool,
	"spawn":     spawn,
	"spawnjoin": spawnjoin,
	"skynet":    skynet,
	"fib":       fib,
	"yields":    yields,
	"parked":    parked,
	"mutex":     mutex,
	"rwlock":    rwlock,
	"sleep":     sleep,
	"timerstop": timerstop,
	"sleepers":  sleepers,
	"hogs":      hogs,
	"echo":      echo,
}

// The arguments are CONTENDER PROGRAM PROCS [SIZE=NUMBER]...
func main() {
	program, known := programs[os.Args[2]]
	if !known {
		panic("there is no workload " + os.Args[2])
	}
	t := task{number(os.Args[3]), map[string]int{}}
	for _, argument := range os.Args[4:] {
		name, value, _ := strings.Cut(argument, "=")
		t.sizes[name] = number(value)
	}
	runtime.GOMAXPROCS(t.procs)
	line, err := json.Marshal(program(t))
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func number(text string) int {
	number, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return number
}
