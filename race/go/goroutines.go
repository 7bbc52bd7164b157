package main

import (
	"runtime"
	"sync"
	"time"
)

func spawn(t task) reply {
	goroutines := t.size("goroutines")
	var group sync.WaitGroup
	start := time.Now()
	for i := 0; i < goroutines; i++ {
		group.Add(1)
		go func() {
			group.Done()
		}()
	}
	group.Wait()
	return nanosEach(goroutines, time.Since(start), goroutines)
}

func spawnjoin(t task) reply {
	goroutines := t.size("goroutines")
	sum := 0
	var group sync.WaitGroup
	start := time.Now()
	for number := 0; number < goroutines; number++ {
		group.Add(1)
		go func(number int) {
			sum += number
			group.Done()
		}(number)
		group.Wait()
	}
	return nanosEach(sum, time.Since(start), goroutines)
}

func skynet(t task) reply {
	start := time.Now()
	c := make(chan int)
	go tree(c, 0, t.size("leaves"))
	sum := <-c
	return millis(sum, time.Since(start))
}

func tree(parent chan<- int, first, leaves int) {
	if leaves == 1 {
		parent <- first
		return
	}
	c := make(chan int)
	for child := 0; child < 10; child++ {
		go tree(c, first+child*(leaves/10), leaves/10)
	}
	sum := 0
	for child := 0; child < 10; child++ {
		sum += <-c
	}
	parent <- sum
}

func fib(t task) reply {
	start := time.Now()
	number := fibonacci(t.size("n"))
	return millis(number, time.Since(start))
}

func fibonacci(n int) int {
	if n < 2 {
		return n
	}
	left := make(chan int, 1)
	go func() {
		left <- fibonacci(n - 1)
	}()
	right := fibonacci(n - 2)
	return <-left + right
}

func yields(t task) reply {
	yields, goroutines := t.size("yields"), t.size("goroutines")
	dones := make(chan int, goroutines)
	start := time.Now()
	for i := 0; i < goroutines; i++ {
		go func() {
			done := 0
			for i := 0; i < yields/goroutines; i++ {
				runtime.Gosched()
				done++
			}
			dones <- done
		}()
	}
	done := 0
	for i := 0; i < goroutines; i++ {
		done += <-dones
	}
	return nanosEach(done, time.Since(start), yields)
}

func parked(t task) reply {
	goroutines := t.size("goroutines")
	begin := make(chan struct{})
	var ready, woken sync.WaitGroup
	ready.Add(goroutines)
	before := memory()
	start := time.Now()
	for i := 0; i < goroutines; i++ {
		woken.Add(1)
		go func() {
			ready.Done()
			<-begin
			woken.Done()
		}()
	}
	ready.Wait()
	spawned := time.Since(start)
	grown := memory() - before
	start = time.Now()
	close(begin)
	woken.Wait()
	wake := time.Since(start)
	return reply{uint64(goroutines), []figure{
		{"bytes", float64(grown) / float64(goroutines)},
		{"spawn", perUnit(spawned, goroutines)},
		{"wake", perUnit(wake, goroutines)},
	}}
}
