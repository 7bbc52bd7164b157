package main

import (
	"fmt"
	"sync"
	"time"
)

func mutex(t task) reply {
	locks, goroutines := t.size("locks"), t.size("goroutines")
	count := 0
	var lock sync.Mutex
	var group sync.WaitGroup
	start := time.Now()
	for i := 0; i < goroutines; i++ {
		group.Add(1)
		go func() {
			for i := 0; i < locks/goroutines; i++ {
				lock.Lock()
				count++
				lock.Unlock()
			}
			group.Done()
		}()
	}
	group.Wait()
	return nanosEach(count, time.Since(start), locks)
}

func rwlock(t task) reply {
	total := reply{}
	for power := 0; power < t.size("powers"); power++ {
		for _, exclusive := range []bool{false, true} {
			readers := 1 << power
			elapsed, written := readersAndWriter(t.size("writes"), readers, exclusive)
			total.Answer += uint64(written)
			name := fmt.Sprintf("readers=%d", readers)
			if exclusive {
				name += " exclusive"
			}
			total.Figures = append(total.Figures, figure{name, elapsed.Seconds() * 1e6})
		}
	}
	return total
}

// readersAndWriter is how long it takes until all are done, and how often the writer wrote.
func readersAndWriter(writes, readers int, exclusive bool) (time.Duration, int) {
	value := 0
	var lock sync.RWMutex
	observed := lock.RLocker()
	if exclusive {
		observed = &lock
	}
	var group sync.WaitGroup
	start := time.Now()
	group.Add(1)
	go func() {
		for i := 0; i < writes; i++ {
			lock.Lock()
			value++
			lock.Unlock()
			time.Sleep(1)
		}
		group.Done()
	}()
	for i := 0; i < readers; i++ {
		group.Add(1)
		go func() {
			observed.Lock()
			_ = value
			observed.Unlock()
			group.Done()
		}()
	}
	group.Wait()
	return time.Since(start), value
}
