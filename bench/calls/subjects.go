package calls

import (
	"context"
	"errors"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/examples/student/studentsystem"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// Subjects are the generated client, and what it is compared with.
func Subjects() []Subject {
	return []Subject{{"sig gen", generated}, {"RemoteRequest, by hand", byHand}, {"net/rpc, JSON codec", netRPC}}
}

func ada() studentsystem.Student {
	return studentsystem.Student{ID: "7", FirstName: "Ada", LastName: "Lovelace", Age: 36, Photo: []byte("a small photo")}
}

var errWrong = errors.New("this is not the student asked for")

func check(s *studentsystem.Student, err error) error {
	if err == nil && s.Age != 36 {
		return errWrong
	}
	return err
}

// pair is a server and a client of it.
func pair(ctx context.Context) (*router.ServerRouter, *router.ClientRouter, func() error, error) {
	srv := sigrouter.NewServer()
	l, err := srv.Listen(ctx, "tcp://127.0.0.1:0")
	if err != nil {
		return nil, nil, nil, errors.Join(err, srv.Close())
	}
	c, err := sigrouter.Dial(ctx, l.URL())
	if err != nil {
		return nil, nil, nil, errors.Join(err, srv.Close())
	}
	return srv, c, func() error { return errors.Join(c.Close(), srv.Close()) }, nil
}

type server struct {
	studentsystem.UnimplementedServer
}

func (server) GetStudent(context.Context, string) (studentsystem.Student, error) { return ada(), nil }

func generated(ctx context.Context) (func() error, func() error, error) {
	srv, c, stop, err := pair(ctx)
	if err != nil {
		return nil, nil, err
	}
	daemon, err := studentsystem.Serve(ctx, srv, server{})
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	app, err := studentsystem.Connect(c.Remote())
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	call := func() error {
		s, err := app.GetStudent(ctx, "7")
		return check(&s, err)
	}
	return call, func() error { return errors.Join(app.Close(), daemon.Close(), stop()) }, nil
}

// Params are what is sent by hand and with net/rpc, which wants them exported.
type Params struct {
	ID string `json:"id"`
}

func byHand(ctx context.Context) (func() error, func() error, error) {
	srv, c, stop, err := pair(ctx)
	if err != nil {
		return nil, nil, err
	}
	_, err = srv.AddSender("students", sig.Answer("get", func(_ context.Context, r sig.Request) (any, error) {
		var p Params
		return ada(), r.Decode(&p)
	}))
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	call := func() error {
		resp, err := c.RemoteRequest(ctx, "students", "get", Params{"7"})
		if err != nil {
			return err
		}
		var s studentsystem.Student
		err = resp.Decode(&s)
		return check(&s, err)
	}
	return call, stop, nil
}

// Students is the service of net/rpc.
type Students struct{}

// Get returns a student.
func (Students) Get(_ *Params, s *studentsystem.Student) error { *s = ada(); return nil }

func netRPC(context.Context) (func() error, func() error, error) {
	srv := rpc.NewServer()
	if err := srv.Register(Students{}); err != nil {
		return nil, nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if conn, err := l.Accept(); err == nil {
			srv.ServeCodec(jsonrpc.NewServerCodec(conn))
		}
	}()
	c, err := jsonrpc.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	call := func() error {
		var s studentsystem.Student
		err := c.Call("Students.Get", &Params{"7"}, &s)
		return check(&s, err)
	}
	return call, func() error {
		err := errors.Join(c.Close(), l.Close())
		<-served
		return err
	}, nil
}
