// Package goldentest runs the code among the golden files of package gen.
package goldentest

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/api"
	"github.com/sigrouter/sigrouter/api/schema"
	"github.com/sigrouter/sigrouter/carrier"
	memory "github.com/sigrouter/sigrouter/carrier/local"
	"github.com/sigrouter/sigrouter/idl/gen/testdata/golden/school"
	"github.com/sigrouter/sigrouter/idl/gen/testdata/golden/shopping"
	"github.com/sigrouter/sigrouter/idl/gen/testdata/golden/sigrange"
	"github.com/sigrouter/sigrouter/idl/gen/testdata/golden/studentsystem"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// everywhere runs a test in process, and over a carrier with the daemon at the router,
// and with the application there.
func everywhere(t *testing.T, test func(t *testing.T, daemon, application sig.Bus)) {
	t.Run("in process", func(t *testing.T) {
		r := router.New()
		t.Cleanup(func() { r.Close() })
		test(t, r, r)
	})
	over := func(t *testing.T) (srv, client sig.Bus) {
		schemes := carrier.NewSchemes(memory.NewNetwork())
		s := router.ServerOptions{Schemes: schemes}.New()
		t.Cleanup(func() { s.Close() })
		_, err := s.Listen(t.Context(), "local://gen")
		require.NoError(t, err)
		c, err := router.ClientOptions{Schemes: schemes}.Dial(t.Context(), "local://gen")
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return s, c.Remote()
	}
	t.Run("daemon at the router", func(t *testing.T) { s, c := over(t); test(t, s, c) })
	t.Run("application at the router", func(t *testing.T) { s, c := over(t); test(t, c, s) })
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		require.Fail(t, "nothing came")
		panic("unreachable")
	}
}

// students is the daemon of LibMedium's documentation.
type students struct {
	known map[string]studentsystem.Student
	added func(studentsystem.Student)
}

func (s *students) GetStudent(_ context.Context, id string) (studentsystem.Student, error) {
	found, ok := s.known[id]
	if !ok {
		return found, &studentsystem.StudentNotFound{Message: "nobody has " + id}
	}
	return found, nil
}

func (s *students) UpdateStudent(_ context.Context, info studentsystem.Student) error {
	s.known[info.ID] = info
	s.added(info)
	return nil
}

func TestStudentSystem(t *testing.T) {
	everywhere(t, func(t *testing.T, daemonBus, appBus sig.Bus) {
		server := &students{known: map[string]studentsystem.Student{}}
		daemon, err := studentsystem.Serve(t.Context(), daemonBus, server)
		require.NoError(t, err)
		server.added = func(s studentsystem.Student) {
			if err := daemon.TriggerStudentAdded(1.5, s); err != nil {
				t.Error(err)
			}
		}
		app, err := studentsystem.Connect(appBus)
		require.NoError(t, err)
		events := make(chan studentsystem.StudentAddedEvent, 10)
		sub, err := app.OnStudentAdded(func(e studentsystem.StudentAddedEvent) { events <- e })
		require.NoError(t, err)

		ada := studentsystem.Student{ID: "7", FirstName: "Ada", LastName: "Lovelace", Age: 36, Photo: []byte{0, 255}}
		require.NoError(t, app.UpdateStudent(t.Context(), ada))
		require.Equal(t, studentsystem.StudentAddedEvent{Time: 1.5, Info: ada}, receive(t, events))
		got, err := app.GetStudent(t.Context(), "7")
		require.NoError(t, err)
		require.Equal(t, ada, got)

		_, err = app.GetStudent(t.Context(), "8")
		var notFound *studentsystem.StudentNotFound
		require.ErrorAs(t, err, &notFound)
		require.Equal(t, "nobody has 8", notFound.Message)
		require.EqualError(t, err, "nobody has 8")

		sub.Remove()
		require.NoError(t, app.Close())
		require.NoError(t, daemon.Close())
		_, err = app.GetStudent(t.Context(), "7")
		require.ErrorIs(t, err, sig.ErrNoSender)
	})
}

// A listener may call the daemon, which LibMedium had to forbid.
func TestCallFromAListener(t *testing.T) {
	everywhere(t, func(t *testing.T, daemonBus, appBus sig.Bus) {
		server := &students{known: map[string]studentsystem.Student{"7": {ID: "7", Age: 36}}}
		daemon, err := studentsystem.Serve(t.Context(), daemonBus, server)
		require.NoError(t, err)
		defer daemon.Close()
		app, err := studentsystem.Connect(appBus)
		require.NoError(t, err)
		defer app.Close()
		ages := make(chan uint8, 2)
		_, err = app.OnStudentAdded(func(e studentsystem.StudentAddedEvent) {
			s, err := app.GetStudent(t.Context(), e.Info.ID)
			if err != nil {
				t.Error(err)
			}
			ages <- s.Age
		})
		require.NoError(t, err)
		require.NoError(t, daemon.TriggerStudentAdded(0, studentsystem.Student{ID: "7"}))
		require.EqualValues(t, 36, receive(t, ages))
		require.NoError(t, daemon.TriggerStudentAddedTo(t.Context(), daemon.Applications()[0], 0, studentsystem.Student{ID: "7"}))
		require.EqualValues(t, 36, receive(t, ages))
	})
}

// teacher is a daemon with everything.
type teacher struct {
	school.UnimplementedServer
	caller chan string
}

func (s *teacher) GetStudent(ctx context.Context, id string, deep bool) (school.Student, error) {
	if c, ok := api.Caller(ctx); ok {
		s.caller <- c.Sender()
	}
	switch id {
	case "none":
		return school.Student{}, &school.StudentNotFound{ID: id, Near: []string{"one"}}
	case "closed":
		return school.Student{}, errors.Join(errors.New("sorry"), &school.Closed{})
	case "wrong":
		return school.Student{Grade: "excellent"}, nil
	case "slow":
		<-ctx.Done()
		return school.Student{}, ctx.Err()
	}
	v := school.NewStudent()
	v.ID, v.Active = id, deep
	if id == "js" { // whose numbers are smaller
		v.Offset, v.Big = -5, 5
	}
	v.Friends = []school.Student{}
	return v, nil
}

func (s *teacher) Search(_ context.Context, text string, limit *int32, order school.Grade) ([]school.Student, error) {
	v := school.NewStudent()
	v.Name, v.Grade = text, order
	if limit != nil {
		v.Offset = int64(*limit)
	}
	v.Marks = [][]float64{{1, 2}, {}}
	v.Tutor = &school.Student{Grade: school.GradePoor, Friends: []school.Student{}}
	return []school.Student{v}, nil
}

func (s *teacher) Describe(context.Context) (string, error) { return "a school", nil }

func TestSchool(t *testing.T) {
	everywhere(t, func(t *testing.T, daemonBus, appBus sig.Bus) {
		server := &teacher{caller: make(chan string, 10)}
		daemon, err := school.ServeAs(t.Context(), daemonBus, "my.school", server)
		require.NoError(t, err)
		defer daemon.Close()
		app, err := school.ConnectTo(appBus, "my.school")
		require.NoError(t, err)
		defer app.Close()

		got, err := app.GetStudent(t.Context(), "7", true)
		require.NoError(t, err)
		want := school.NewStudent()
		want.ID, want.Friends = "7", []school.Student{}
		require.Equal(t, want, got)
		require.Equal(t, app.Name(), receive(t, server.caller), "the daemon knows who calls")

		three := int32(3)
		all, err := app.Search(t.Context(), "x", &three, school.GradePoor)
		require.NoError(t, err)
		require.EqualValues(t, 3, all[0].Offset)
		require.Equal(t, school.GradePoor, all[0].Grade)
		require.Equal(t, [][]float64{{1, 2}, {}}, all[0].Marks)
		require.Equal(t, school.GradePoor, all[0].Tutor.Grade)

		_, err = app.GetStudent(t.Context(), "none", false)
		var notFound *school.StudentNotFound
		require.ErrorAs(t, err, &notFound)
		require.Equal(t, []string{"none", "one"}, []string{notFound.ID, notFound.Near[0]})
		_, err = app.GetStudent(t.Context(), "closed", false)
		var closed *school.Closed
		require.ErrorAs(t, err, &closed)
		require.EqualError(t, err, "sorry\nClosed")

		text, err := app.Describe(t.Context())
		require.NoError(t, err)
		require.Equal(t, "a school", text, "the daemon's own describe")
		require.ErrorIs(t, app.CallClose(t.Context()), sig.ErrNoMethod)
	})
}

// What is out of range is an error where it is sent, and where it is received from
// somebody who sends it all the same.
func TestOutOfRange(t *testing.T) {
	everywhere(t, func(t *testing.T, daemonBus, appBus sig.Bus) {
		daemon, err := school.Serve(t.Context(), daemonBus, &teacher{caller: make(chan string, 10)})
		require.NoError(t, err)
		defer daemon.Close()
		bad := make(chan error, 10)
		app, err := school.Connect(appBus, api.OnBadEvent(func(_ sig.Event, err error) { bad <- err }))
		require.NoError(t, err)
		defer app.Close()

		_, err = app.Search(t.Context(), "x", nil, "excellent")
		var p *api.ParamError
		require.ErrorAs(t, err, &p)
		require.Equal(t, "order", p.Path)
		_, err = app.Search(t.Context(), "\xff", nil, school.GradeGood)
		require.ErrorAs(t, err, &p)
		require.Equal(t, "text", p.Path)
		_, err = app.GetStudent(t.Context(), "wrong", false)
		require.ErrorContains(t, err, `result of org.example.school.get_student: grade: "excellent" does not fit; expected one of good, fair, poor`)
		require.ErrorContains(t, daemon.TriggerMood("sad"), "grade: ")

		raw := func(params map[string]any) error {
			return api.Do(t.Context(), appBus, school.Sender, "search", api.Named(params))
		}
		require.NoError(t, raw(map[string]any{"text": "x"}))
		for path, params := range map[string]map[string]any{
			"limit": {"text": "x", "limit": math.MaxInt32 + 1},
			"order": {"text": "x", "order": "excellent"},
			"text":  {"limit": 1},
			"more":  {"text": "x", "more": 1},
		} {
			require.ErrorAs(t, raw(params), &p)
			require.Equal(t, path, p.Path)
		}

		events := make(chan school.CountEvent, 10)
		_, err = app.OnCount(func(e school.CountEvent) { events <- e })
		require.NoError(t, err)
		lax, err := daemon.Service().Sender().Signal("count")
		require.NoError(t, err)
		require.NoError(t, lax.Trigger(map[string]any{"students": -1}))
		var problem *schema.Problem
		require.ErrorAs(t, receive(t, bad), &problem)
		require.Equal(t, schema.Range, problem.Code)
		require.Empty(t, events)
	})
}

func TestEvents(t *testing.T) {
	everywhere(t, func(t *testing.T, daemonBus, appBus sig.Bus) {
		daemon, err := school.Serve(t.Context(), daemonBus, &teacher{})
		require.NoError(t, err)
		defer daemon.Close()
		other, err := school.ServeAs(t.Context(), daemonBus, "another.school", &teacher{})
		require.NoError(t, err)
		defer other.Close()

		// A retained event reaches applications that come later.
		require.NoError(t, daemon.TriggerCount(7))
		a, err := school.Connect(appBus)
		require.NoError(t, err)
		b, err := school.Connect(appBus)
		require.NoError(t, err)
		defer b.Close()
		counts := make(chan uint32, 10)
		_, err = a.OnCount(func(e school.CountEvent) { counts <- e.Students })
		require.NoError(t, err)
		require.EqualValues(t, 7, receive(t, counts))

		// A channel is heard whoever triggers it, another event from its daemon alone.
		alarms := make(chan string, 10)
		_, err = a.OnAlarm(func(e sig.Event, d school.AlarmEvent) { alarms <- e.Sender + ": " + d.Text })
		require.NoError(t, err)
		require.NoError(t, other.TriggerCount(8))
		require.NoError(t, daemon.TriggerAlarm("fire"))
		require.Equal(t, "org.example.school: fire", receive(t, alarms))
		require.NoError(t, other.TriggerAlarm("water"))
		require.Equal(t, "another.school: water", receive(t, alarms))
		require.Empty(t, counts)

		// An event for one application reaches that one.
		_, err = b.OnAlarm(func(_ sig.Event, d school.AlarmEvent) { t.Errorf("b heard %s", d.Text) })
		require.NoError(t, err)
		came, went := make(chan *api.Remote, 10), make(chan string, 10)
		watch, err := daemon.WatchApplications(t.Context(),
			api.Joined(func(_ context.Context, app *api.Remote) { came <- app }),
			api.Left(func(_ context.Context, app *api.Remote) { went <- app.Sender() }))
		require.NoError(t, err)
		defer watch.Close()
		apps := map[string]*api.Remote{}
		for range 2 {
			app := receive(t, came)
			apps[app.Sender()] = app
		}
		require.Len(t, daemon.Applications(), 2)
		require.Contains(t, apps, b.Name())
		require.NoError(t, daemon.TriggerAlarmTo(t.Context(), apps[a.Name()], "psst"))
		require.Equal(t, "org.example.school: psst", receive(t, alarms))

		require.NoError(t, a.Close())
		require.ErrorIs(t, daemon.TriggerAlarmTo(t.Context(), apps[a.Name()], "psst"), sig.ErrNoSender)
		require.Equal(t, a.Name(), receive(t, went))
		require.Len(t, daemon.Applications(), 1)
		require.Equal(t, b.Name(), daemon.Applications()[0].Sender())
	})
}

func TestTimeout(t *testing.T) {
	r := router.New()
	defer r.Close()
	daemon, err := sigrange.Serve(t.Context(), r, hanging{})
	require.NoError(t, err)
	defer daemon.Close()
	app, err := sigrange.Connect(r)
	require.NoError(t, err)
	defer app.Close()
	_, err = app.Connect(context.Background(), "", "", "", "", "", "", "", "")
	require.ErrorIs(t, err, sig.ErrTimeout)
	require.ErrorContains(t, err, "no answer within 10ms")
}

// An event may be called describe.
func TestEventDescribe(t *testing.T) {
	r := router.New()
	defer r.Close()
	daemon, err := sigrange.Serve(t.Context(), r, sigrange.UnimplementedServer{})
	require.NoError(t, err)
	defer daemon.Close()
	app, err := sigrange.Connect(r)
	require.NoError(t, err)
	defer app.Close()
	heard := make(chan sigrange.DescribeEvent, 1)
	_, err = app.OnDescribe(func(e sigrange.DescribeEvent) { heard <- e })
	require.NoError(t, err)
	require.NoError(t, daemon.TriggerDescribeTo(t.Context(), daemon.Applications()[0]))
	receive(t, heard)
}

type hanging struct{ sigrange.UnimplementedServer }

func (hanging) Connect(ctx context.Context, _, _, _, _, _, _, _, _ string) (sigrange.ClientModel, error) {
	<-ctx.Done()
	return sigrange.ClientModel{}, ctx.Err()
}

// keeper answers what a file without additions may ask.
type keeper struct{ shopping.UnimplementedServer }

func (keeper) NewList(_ context.Context, items []string) (shopping.ShoppingList, error) {
	l := shopping.ShoppingList{Store: "corner"}
	for _, i := range items {
		l.Items = append(l.Items, shopping.Item{Item: i, Quantity: 255})
	}
	return l, nil
}

func (keeper) Table(_ context.Context, start uint32) ([][]uint32, error) {
	return [][]uint32{{start, start + 1}, {}, nil}, nil
}

func (keeper) Everything(_ context.Context, a bool, b int8, c int16, d int32, e int64, f uint8, g uint16, h uint32, i uint64,
	j float32, k float64, l string, m []byte) (bool, error) {
	return a && b == math.MinInt8 && c == math.MinInt16 && d == math.MinInt32 && e == math.MinInt64 &&
		f == math.MaxUint8 && g == math.MaxUint16 && h == math.MaxUint32 && i == math.MaxUint64 &&
		j == math.MaxFloat32 && k == -math.MaxFloat64 && l == "ü\x00" && string(m) == "\xff\x00", nil
}

func TestEveryPrimitive(t *testing.T) {
	everywhere(t, func(t *testing.T, daemonBus, appBus sig.Bus) {
		daemon, err := shopping.Serve(t.Context(), daemonBus, keeper{})
		require.NoError(t, err)
		defer daemon.Close()
		app, err := shopping.Connect(appBus)
		require.NoError(t, err)
		defer app.Close()
		ok, err := app.Everything(t.Context(), true, math.MinInt8, math.MinInt16, math.MinInt32, math.MinInt64, math.MaxUint8,
			math.MaxUint16, math.MaxUint32, math.MaxUint64, math.MaxFloat32, -math.MaxFloat64, "ü\x00", []byte("\xff\x00"))
		require.NoError(t, err)
		require.True(t, ok)
		table, err := app.Table(t.Context(), math.MaxUint32-1)
		require.NoError(t, err)
		require.Equal(t, [][]uint32{{math.MaxUint32 - 1, math.MaxUint32}, {}, nil}, table)
		list, err := app.NewList(t.Context(), []string{"tea"})
		require.NoError(t, err)
		require.Equal(t, shopping.ShoppingList{Store: "corner", Items: []shopping.Item{{Item: "tea", Quantity: 255}}}, list)
		require.ErrorIs(t, app.Fail(t.Context()), sig.ErrNoMethod)
	})
}

func TestDescribe(t *testing.T) {
	r := router.New()
	defer r.Close()
	daemon, err := studentsystem.Serve(t.Context(), r, &students{})
	require.NoError(t, err)
	defer daemon.Close()
	d, err := api.Describe(t.Context(), r, studentsystem.Sender)
	require.NoError(t, err)
	m, ok := d.Method("get_student")
	require.True(t, ok)
	require.Equal(t, "get_student(id: string): Student", m.Usage())
	require.Equal(t, "student_added", d.Events[0].Name)
	require.Len(t, d.Types["Student"].Fields, 5)
	require.Equal(t, "StudentNotFound", d.Errors[0].Code)

	other, err := school.Serve(t.Context(), r, &teacher{})
	require.NoError(t, err)
	defer other.Close()
	d = other.Service().Describe()
	require.Equal(t, "A school, with everything\nthe language has.", d.Doc)
	m, _ = d.Method("get_student")
	require.Equal(t, "Finds a student.", m.Doc)
	require.Equal(t, "As given by the school.", m.Params[0].Doc)
	require.EqualValues(t, 5000, m.TimeoutMS)
	require.Equal(t, "Given by the school.", d.Types["Student"].Fields[0].Doc)
	require.Equal(t, "A student of the school.", d.Types["Student"].Doc)
	require.Equal(t, "There is no such student.", d.Errors[0].Doc)
	require.True(t, d.Events[1].Retained)
	require.Equal(t, "#alarm", d.Events[2].Name)
}
