package main

import "time"

func sleep(t task) reply {
	duration := time.Duration(t.size("nanos"))
	notEarly := 0
	var slept []time.Duration
	for i := 0; i < t.size("sleeps"); i++ {
		start := time.Now()
		time.Sleep(duration)
		elapsed := time.Since(start)
		slept = append(slept, elapsed)
		if elapsed >= duration {
			notEarly++
		}
	}
	return micros(notEarly, median(slept))
}

func timerstop(t task) reply {
	timers := t.size("timers")
	var armed []*time.Timer
	for i := 0; i < t.size("armed"); i++ {
		armed = append(armed, time.NewTimer(time.Hour))
	}
	stopped := 0
	start := time.Now()
	for i := 0; i < timers; i++ {
		if time.NewTimer(time.Minute).Stop() {
			stopped++
		}
	}
	elapsed := time.Since(start)
	for _, timer := range armed {
		timer.Stop()
	}
	return nanosEach(stopped, elapsed, timers)
}

func sleepers(t task) reply {
	goroutines := t.size("goroutines")
	within := time.Duration(t.size("within_ms")) * time.Millisecond
	first := time.Now().Add(time.Duration(t.size("lead_ms")) * time.Millisecond)
	last := first.Add(within)
	type wake struct {
		notEarly bool
		woken    time.Time
	}
	wakes := make(chan wake, goroutines)
	for number := 0; number < goroutines; number++ {
		share := float64(shuffled(number, goroutines)+1) / float64(goroutines)
		due := first.Add(time.Duration(float64(within) * share))
		go func() {
			time.Sleep(time.Until(due))
			woken := time.Now()
			wakes <- wake{!woken.Before(due), woken}
		}()
	}
	notEarly := 0
	lastWoken := last
	for i := 0; i < goroutines; i++ {
		wake := <-wakes
		if wake.notEarly {
			notEarly++
		}
		if wake.woken.After(lastWoken) {
			lastWoken = wake.woken
		}
	}
	return millis(notEarly, lastWoken.Sub(last))
}

func hogs(t task) reply {
	steps := t.size("steps")
	start := time.Now()
	end := start.Add(time.Duration(t.size("millis")) * time.Millisecond)
	longests := make(chan time.Duration, 1)
	go func() {
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		last, longest := start, time.Duration(0)
		for last.Before(end) {
			<-ticker.C
			now := time.Now()
			longest = max(longest, now.Sub(last))
			last = now
		}
		longests <- longest
	}()
	numbers := make(chan uint64, t.procs)
	for number := 0; number < t.procs; number++ {
		go func(number uint64) {
			for time.Now().Before(end) {
				number = compute(number, steps)
			}
			numbers <- number
		}(uint64(number))
	}
	computed := 1
	for i := 0; i < t.procs; i++ {
		if <-numbers == 0 {
			computed = 0
		}
	}
	return millis(computed, <-longests)
}
