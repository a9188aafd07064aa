package path_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/sigrouter/sigrouter/path"
	"github.com/sigrouter/sigrouter/router"
)

// A queue hands each message pushed to one of those who pull.
type queue struct {
	mu      sync.Mutex
	waiting []*path.Received // who pulls
	jobs    []path.Message   // what was pushed
}

func (q *queue) push(_ context.Context, m *path.Received) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, m.Message)
	return q.match()
}

func (q *queue) pull(_ context.Context, m *path.Received) error {
	m.Later() // the response is a job, when there is one
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, m)
	return q.match()
}

func (q *queue) match() error {
	for len(q.jobs) > 0 && len(q.waiting) > 0 {
		worker, job := q.waiting[0], q.jobs[0]
		q.waiting, q.jobs = q.waiting[1:], q.jobs[1:]
		if err := worker.Respond(job); err != nil {
			return err
		}
	}
	return nil
}

// Push and pull: each job goes to one of several workers.
func ExampleReceived_Later() {
	ctx := context.Background()
	bus := router.New()
	defer bus.Close()
	q := &queue{}
	jobs, _ := path.Join(bus, path.Options{Name: "jobs"})
	jobs.On("push", q.push)
	jobs.On("pull", q.pull)

	var workers sync.WaitGroup
	var mu sync.Mutex
	sum := 0
	for range 2 {
		workers.Go(func() {
			worker, _ := path.Join(bus, path.Options{})
			for range 3 {
				job, _ := worker.SendAndWait(ctx, "jobs", "pull", path.New(nil))
				mu.Lock()
				sum += job.Data.(int)
				mu.Unlock()
			}
		})
	}
	boss, _ := path.Join(bus, path.Options{})
	for n := range 6 {
		boss.Send(ctx, "jobs", "push", path.New(1<<n))
	}
	workers.Wait()
	fmt.Println(sum) // each was done once
	// Output: 63
}
