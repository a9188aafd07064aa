package carrier

import (
	"errors"
	"slices"
	"sync"

	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// A Codec is an encoding of payloads beside JSON that peers may agree on in hello. Every
// payload in it stands for one JSON value, so that what one peer sends can be passed on
// to any other. The methods may be called from several goroutines at once, and with bytes
// of anybody's making. The codec of package codec/msgpack is one.
type Codec interface {
	sig.Codec
	// Check checks that data is one whole value, nested at most maxDepth deep, that JSON
	// can say. It returns how long that JSON is, or a little more. It fails with an error
	// that matches sig.ErrMalformed, or sig.ErrLimit when the nesting is too deep.
	Check(data []byte, maxDepth int) (jsonSize int, err error)
	// AppendJSON appends the JSON that data stands for, without line breaks. When it fails
	// it returns what it had appended.
	AppendJSON(dst, data []byte) ([]byte, error)
	// AppendFromJSON appends a JSON value, which is sound, in this encoding. It fails when
	// the encoding cannot say the same.
	AppendFromJSON(dst, json []byte) ([]byte, error)
}

// Codecs are the codecs that a router knows beside JSON, in order of preference.
type Codecs []Codec

// Names returns the names, and at the end that of JSON, which everybody knows.
func (c Codecs) Names() []string {
	names := make([]string, 0, len(c)+1)
	for _, x := range c {
		names = append(names, x.Name())
	}
	return append(names, sig.JSON{}.Name())
}

// Find returns the codec of a name, nil when there is none.
func (c Codecs) Find(name string) Codec {
	for _, x := range c {
		if x.Name() == name {
			return x
		}
	}
	return nil
}

// Choose returns the first of the names that is known; nil stands for JSON.
func (c Codecs) Choose(names []string) Codec {
	for _, name := range names {
		if x := c.Find(name); x != nil || name == (sig.JSON{}).Name() {
			return x
		}
	}
	return nil
}

// An Encoded is a payload with its encoding. No data means null.
type Encoded struct {
	Data  []byte
	Codec Codec // nil: JSON
}

// Raw returns the payload as listeners and handlers get it, nil for null. The data must
// not change any more.
func (e Encoded) Raw() any {
	if len(e.Data) == 0 {
		return nil
	}
	return &sig.Raw{Codec: e.SigCodec(), Bytes: e.Data}
}

// SigCodec returns the codec, which is sig.JSON where none is named.
func (e Encoded) SigCodec() sig.Codec {
	if e.Codec == nil {
		return sig.JSON{}
	}
	return e.Codec
}

// AppendJSON appends the payload as JSON. When it fails it returns what it had appended.
func (e Encoded) AppendJSON(dst []byte) ([]byte, error) {
	switch {
	case len(e.Data) == 0:
		return append(dst, "null"...), nil
	case e.Codec == nil:
		return append(dst, e.Data...), nil
	}
	return e.Codec.AppendJSON(dst, e.Data)
}

// as returns the payload in another encoding. It reports false when that cannot say it,
// or not within most bytes.
func (e Encoded) as(c Codec, most int) (data []byte, ok bool) {
	if e.Codec == c || len(e.Data) == 0 {
		return e.Data, true
	}
	data, err := e.Data, error(nil)
	if e.Codec != nil {
		if data, err = e.Codec.AppendJSON(nil, data); err != nil {
			return nil, false
		}
	}
	if c != nil {
		data, err = c.AppendFromJSON(make([]byte, 0, len(data)), data)
	}
	return data, err == nil && len(data) <= most
}

// roomIn returns how much payload there may be in a message that has max bytes at most.
func roomIn(max int) int { return max - min(1<<10, max/2) }

// SetTakes says how long messages may be that the peer takes, to the peer and to the session
// it has then. Who has said nothing, which is 0, is taken to accept what this side does, and
// at least 1 MiB.
func (p *Peer) SetTakes(bytes int) {
	p.takes.Store(int64(bytes))
	q := p.out()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.most = 0; bytes > 0 {
		q.most = roomIn(bytes)
	}
}

// room returns an error for what is too long to be sent: the peer would close the
// connection, with all that goes over it.
func (p *Peer) room(what string, data []byte) error {
	takes := int(p.takes.Load())
	if takes <= 0 {
		takes = max(p.engine.lim.MaxMessage, 1<<20)
	}
	if most := roomIn(takes); len(data) > most {
		return sig.Errorf(sig.ErrLimit, "%s of %d bytes is more than the other side takes, %d (MaxMessage)", what, len(data), most)
	}
	return nil
}

// form returns the payload as a message to the peer carries it: in its codec where the
// message is a binary frame, else as JSON. What the codec cannot say needs a message
// that is JSON.
func (p *Peer) form(e Encoded, binary bool) (data []byte, stillBinary bool) {
	if binary {
		if data, ok := e.as(p.Codec(), roomIn(p.engine.lim.MaxMessage)); ok {
			return data, true
		}
	}
	data, ok := e.as(nil, maxInt)
	if !ok { // it was not checked
		p.engine.log.Error("a payload could not be turned into JSON", "peer", p.String(), "codec", e.SigCodec().Name())
		return nil, false
	}
	return data, false
}

const maxInt = int(^uint(0) >> 1)

// A shape is what signals to a peer on the fast lane look like.
type shape struct {
	binary bool
	codec  Codec // of binary frames
}

func (p *Peer) shape() shape {
	if !p.binary.Load() {
		return shape{}
	}
	return shape{true, p.codec}
}

// Answer answers a call with a payload, in whatever form the peer takes it. It is
// otherwise as Reply.
func (p *Peer) Answer(id CallID, response Encoded) {
	data, still := p.form(response, id.bin)
	id.bin = still
	if err := p.room("a response", data); err != nil {
		p.ReplyError(id, err)
		return
	}
	p.Reply(id, data)
}

// Codec returns what payloads of binary frames to and from the peer are encoded with; nil
// for JSON.
func (p *Peer) Codec() Codec {
	if !p.binary.Load() {
		return nil
	}
	return p.codec
}

// Payload returns a payload of a message that the peer sent, with its encoding. It is
// valid as long as data is.
func (p *Peer) Payload(m *wire.Msg, data []byte) Encoded {
	if m.Binary {
		return Encoded{data, p.Codec()}
	}
	return Encoded{data, nil}
}

// Check checks a payload of a binary frame, which is not looked into when it is read: as a
// message that is JSON would be, so that it can be passed on to anybody. The JSON it stands
// for has to be as short as a message that is JSON would be. It returns how long that is.
func (p *Peer) Check(m *wire.Msg, data []byte) (jsonSize int, err error) {
	if !m.Binary || len(data) == 0 {
		return len(data), nil
	}
	if p.codec == nil && wire.CheckJSON(data, p.lim.MaxDepth) == nil { // as nearly always
		return len(data), nil
	}
	return p.engine.Check(p.Payload(m, data), p.lim.MaxDepth, p.lim.MaxMessage)
}

// response returns the response in a reply of the peer's, checked so that it can be passed
// on to anybody.
func (p *Peer) response(m *wire.Msg) (Encoded, error) {
	data := m.Response
	if m.DataBreaks {
		data = wire.CompactNewlines(nil, data)
	}
	if _, err := p.Check(m, data); err != nil {
		return Encoded{}, sig.Errorf(sig.ErrMalformed, "the response of %s is none: %v", p, err)
	}
	return p.Payload(m, data), nil
}

// Check is Peer.Check with limits of its own.
func (e *Engine) Check(x Encoded, maxDepth, maxMessage int) (jsonSize int, err error) {
	if x.Codec == nil {
		err = wire.CheckJSON(x.Data, maxDepth)
		jsonSize = len(x.Data)
	} else {
		jsonSize, err = x.Codec.Check(x.Data, maxDepth)
	}
	switch {
	case errors.Is(err, sig.ErrLimit):
		e.overs.add("MaxDepth")
	case err == nil && x.Codec != nil && jsonSize > roomIn(maxMessage):
		err = e.Over("MaxMessage", "the data would have %d bytes as JSON, more than %d", jsonSize, roomIn(maxMessage))
	}
	return jsonSize, err
}

// Mixed reports whether a peer has ever agreed on a codec, so that payloads may be wanted
// in more than one encoding.
func (e *Engine) Mixed() bool { return e.mixed.Load() }

// forms are one payload in several encodings, each made when the first peer wants it, and
// shared by all.
type forms struct {
	codec Codec // of the payload as it came
	size  int   // what it counts in queues
	most  int   // bytes of the longest form

	mu   sync.Mutex
	made []form
}

type form struct {
	codec Codec
	data  []byte
	ok    bool
}

// Several notes that peers may want the payload, which is encoded with the codec, in
// another encoding. JsonSize is how long it is as JSON at most: so much it counts in queues.
func (p Payload) Several(c Codec, jsonSize int, e *Engine) Payload {
	if len(p.Data) > 0 {
		p.forms = &forms{codec: c, size: max(len(p.Data), jsonSize), most: roomIn(e.lim.MaxMessage)}
	}
	return p
}

// in returns the payload encoded with c, data being what it came as. It reports false when
// c cannot say it.
func (f *forms) in(c Codec, data []byte) ([]byte, bool) {
	if f.codec == c {
		return data, true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.made, func(x form) bool { return x.codec == c })
	if i < 0 {
		i = len(f.made)
		most := f.most
		if c == nil {
			most = maxInt // it was measured when it came
		}
		x := form{codec: c}
		x.data, x.ok = Encoded{data, f.codec}.as(c, most)
		f.made = append(f.made, x)
	}
	return f.made[i].data, f.made[i].ok
}

// in returns the item's payload encoded with c. It reports false when that is not to be had.
func (it *item) in(c Codec) ([]byte, bool) {
	if it.forms == nil {
		return it.data, c == nil || len(it.data) == 0
	}
	return it.forms.in(c, it.data)
}

// json returns the item's payload as JSON.
func (it *item) json() []byte {
	if it.forms == nil {
		return it.data
	}
	data, _ := it.forms.in(nil, it.data) // it was checked
	return data
}
