package goldentest

import (
	"context"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"testing"

	"github.com/sigrouter/sigrouter/idl/gen/testdata/golden/studentsystem"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"

	"github.com/sigrouter/sigrouter"
)

var ada = studentsystem.Student{ID: "7", FirstName: "Ada", LastName: "Lovelace", Age: 36, Photo: []byte("photo")}

// BenchmarkTCP compares calls of one service over TCP: with the generated client, written
// by hand on requests, and with the JSON codec of net/rpc; 64 at a time and one after the
// other.
func BenchmarkTCP(b *testing.B) {
	ctx := context.Background()
	b.Run("generated", func(b *testing.B) {
		srv, c := overTCP(b)
		daemon, err := studentsystem.Serve(ctx, srv, &students{known: map[string]studentsystem.Student{"7": ada}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { daemon.Close() })
		app, err := studentsystem.Connect(c.Remote())
		if err != nil {
			b.Fatal(err)
		}
		inFlight(b, func() error {
			_, err := app.GetStudent(ctx, "7")
			return err
		})
	})
	b.Run("by hand", func(b *testing.B) {
		srv, c := overTCP(b)
		type params struct {
			ID string `json:"id"`
		}
		_, err := srv.AddSender("students", sig.Answer("get", func(_ context.Context, r sig.Request) (any, error) {
			var p params
			return ada, r.Decode(&p)
		}))
		if err != nil {
			b.Fatal(err)
		}
		inFlight(b, func() error {
			resp, err := c.RemoteRequest(ctx, "students", "get", params{"7"})
			if err != nil {
				return err
			}
			var s studentsystem.Student
			return resp.Decode(&s)
		})
	})
	b.Run("net-rpc", func(b *testing.B) {
		c := overNetRPC(b)
		inFlight(b, func() error {
			var s studentsystem.Student
			return c.Call("Students.Get", &Params{"7"}, &s)
		})
	})
}

// inFlight calls one after the other, and 64 at a time.
func inFlight(b *testing.B, call func() error) {
	once := func(b *testing.B) {
		if err := call(); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("1", func(b *testing.B) {
		for b.Loop() {
			once(b)
		}
	})
	b.Run("64", func(b *testing.B) {
		b.SetParallelism(32) // for each processor; there were two
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				once(b)
			}
		})
	})
}

func overTCP(b *testing.B) (*router.ServerRouter, *router.ClientRouter) {
	ctx := context.Background()
	srv := sigrouter.NewServer()
	b.Cleanup(func() { srv.Close() })
	l, err := srv.Listen(ctx, "tcp://127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	c, err := sigrouter.Dial(ctx, l.URL())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return srv, c
}

// Params and Students are exported for net/rpc.
type Params struct {
	ID string `json:"id"`
}

// Students is the service.
type Students struct{}

// Get returns a student.
func (Students) Get(_ *Params, s *studentsystem.Student) error { *s = ada; return nil }

func overNetRPC(b *testing.B) *rpc.Client {
	srv := rpc.NewServer()
	if err := srv.Register(Students{}); err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := l.Accept()
		if err == nil {
			srv.ServeCodec(jsonrpc.NewServerCodec(conn))
		}
	}()
	c, err := jsonrpc.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close(); l.Close(); <-served })
	return c
}

// BenchmarkInProcess compares a generated call in one process with a plain request.
func BenchmarkInProcess(b *testing.B) {
	ctx := context.Background()
	r := router.New()
	defer r.Close()
	type params struct{ ID string }
	_, err := r.AddSender("students", sig.Answer("get", func(_ context.Context, r sig.Request) (any, error) {
		if r.Params.(*params).ID != "7" {
			return nil, sig.ErrInvalid
		}
		return ada, nil
	}))
	if err != nil {
		b.Fatal(err)
	}
	daemon, err := studentsystem.Serve(ctx, r, &students{known: map[string]studentsystem.Student{"7": ada}})
	if err != nil {
		b.Fatal(err)
	}
	defer daemon.Close()
	app, err := studentsystem.Connect(r)
	if err != nil {
		b.Fatal(err)
	}
	defer app.Close()
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			resp, err := r.Request(ctx, "students", "get", &params{"7"})
			if err != nil || resp.Data.(studentsystem.Student).Age != 36 {
				b.Fatal(err)
			}
		}
	})
	b.Run("generated", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s, err := app.GetStudent(ctx, "7")
			if err != nil || s.Age != 36 {
				b.Fatal(err)
			}
		}
	})
}
