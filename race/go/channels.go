package main

import (
	"sync"
	"time"
)

func ctxswitch(t task) reply {
	messages := t.size("messages")
	begin := make(chan struct{})
	c := make(chan struct{})
	received := 0
	var group sync.WaitGroup
	group.Add(2)
	go func() {
		defer group.Done()
		<-begin
		for i := 0; i < messages; i++ {
			c <- struct{}{}
		}
	}()
	go func() {
		defer group.Done()
		<-begin
		for i := 0; i < messages; i++ {
			<-c
			received++
		}
	}()
	start := time.Now()
	close(begin)
	group.Wait()
	return nanosEach(received, time.Since(start), messages)
}

func pingpong(t task) reply {
	messages := t.size("messages")
	ping := make(chan int)
	pong := make(chan int)
	go func() {
		for number := range ping {
			pong <- number
		}
	}()
	sum := 0
	start := time.Now()
	for number := 0; number < messages; number++ {
		ping <- number
		sum += <-pong
	}
	return nanosEach(sum, time.Since(start), messages)
}

func flow(t task) reply {
	messages, producers, consumers := t.size("messages"), t.size("producers"), t.size("consumers")
	start := time.Now()
	c := make(chan int, t.size("capacity"))
	sums := make(chan int, consumers)
	var producing sync.WaitGroup
	for first := 0; first < producers; first++ {
		producing.Add(1)
		go func(first int) {
			defer producing.Done()
			for number := first; number < messages; number += producers {
				c <- number
			}
		}(first)
	}
	for i := 0; i < consumers; i++ {
		go func() {
			sum := 0
			for number := range c {
				sum += number
			}
			sums <- sum
		}()
	}
	producing.Wait()
	close(c)
	sum := 0
	for i := 0; i < consumers; i++ {
		sum += <-sums
	}
	return nanosEach(sum, time.Since(start), messages)
}

func select3(t task) reply {
	messages := t.size("messages")
	even, odd := make(chan int), make(chan int)
	quit := make(chan struct{})
	total := make(chan int, 1)
	start := time.Now()
	go produce(even, 0, messages)
	go produce(odd, 1, messages)
	go func() {
		sum := 0
	receiving:
		for i := 0; i < messages; i++ {
			select {
			case number := <-even:
				sum += number
			case number := <-odd:
				sum += number
			case <-quit:
				break receiving
			}
		}
		total <- sum
	}()
	sum := <-total
	return nanosEach(sum, time.Since(start), messages)
}

// produce sends every other number below messages.
func produce(c chan<- int, first, messages int) {
	for number := first; number < messages; number += 2 {
		c <- number
	}
}

func ring(t task) reply {
	hops, nodes := t.size("hops"), t.size("nodes")
	stop := make(chan int)
	first := make(chan int)
	rx := first
	for node := 0; node < nodes; node++ {
		tx := first
		if node+1 < nodes {
			tx = make(chan int)
		}
		go func(node int, rx <-chan int, tx chan<- int) {
			for left := range rx {
				if left == 0 {
					stop <- node
				} else {
					tx <- left - 1
				}
			}
		}(node, rx, tx)
		rx = tx
	}
	lap := func(hops int) int {
		first <- hops
		return <-stop
	}
	lap(nodes)
	start := time.Now()
	node := lap(hops)
	return nanosEach(node, time.Since(start), hops)
}

func sieve(t task) reply {
	start := time.Now()
	quit := make(chan struct{})
	numbers := make(chan int)
	go generate(numbers, quit)
	prime := 0
	for i := 0; i < t.size("nth"); i++ {
		prime = <-numbers
		next := make(chan int)
		go filter(prime, numbers, next, quit)
		numbers = next
	}
	elapsed := time.Since(start)
	close(quit)
	return millis(prime, elapsed)
}

func generate(c chan<- int, quit <-chan struct{}) {
	for number := 2; ; number++ {
		select {
		case c <- number:
		case <-quit:
			return
		}
	}
}

func filter(prime int, rx <-chan int, tx chan<- int, quit <-chan struct{}) {
	for {
		number := 0
		select {
		case number = <-rx:
		case <-quit:
			return
		}
		if number%prime != 0 {
			select {
			case tx <- number:
			case <-quit:
				return
			}
		}
	}
}

func pool(t task) reply {
	jobs, steps, workers := t.size("jobs"), t.size("steps"), t.size("workers")
	start := time.Now()
	c := make(chan uint64)
	sums := make(chan uint64, workers)
	for i := 0; i < workers; i++ {
		go func() {
			sum := uint64(0)
			for job := range c {
				sum += compute(job, steps)
			}
			sums <- sum
		}()
	}
	for job := 0; job < jobs; job++ {
		c <- uint64(job)
	}
	close(c)
	sum := uint64(0)
	for i := 0; i < workers; i++ {
		sum += <-sums
	}
	return millis(int(sum), time.Since(start))
}
