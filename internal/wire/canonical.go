package wire

import (
	"bytes"
	"math"
)

// parseCanonical reads the messages that matter for speed when they are written as
// this package writes them: without white space, members in the same order, names
// without escapes. It returns 0 for all others, for those that are not complete, and
// for those with a fault: parseAny finds out which. What it accepts, parseAny accepts
// with the same result.
func (m *Msg) parseCanonical(b []byte, lim *Limits) int {
	const mostUncounted = 8 // values of a message besides info and listeners
	if len(b) < len(`{"n":1}`) || b[1] != '"' || lim.values() < mostUncounted {
		return 0
	}
	s := &m.own.scan
	s.begin(b, lim)
	switch b[2] {
	case 'n':
		return m.canonicalSignal(b, lim)
	case 'i':
		return m.canonicalNumbered(b, lim)
	case 'a':
		return m.canonicalAck(b)
	}
	return 0
}

// has reports whether b goes on with text at i.
func has(b []byte, i int, text string) bool {
	return len(b)-i >= len(text) && string(b[i:i+len(text)]) == text
}

// uintAt reads a whole number below maxNumber; end is i when there is none.
func uintAt(b []byte, i int) (n uint64, end int) {
	end = i
	for end < len(b) && b[end]-'0' <= 9 {
		n = n*10 + uint64(b[end]-'0')
		end++
	}
	if end-i > 16 || n >= maxNumber || end-i > 1 && b[i] == '0' {
		return 0, i
	}
	return n, end
}

func (m *Msg) canonicalAck(b []byte) int {
	const head = `{"ack":`
	if !has(b, 0, head) {
		return 0
	}
	n, i := uintAt(b, len(head))
	if i == len(head) || i >= len(b) || b[i] != '}' {
		return 0
	}
	m.Kind, m.N = Ack, n
	return i + 1
}

func (m *Msg) canonicalSignal(b []byte, lim *Limits) int {
	const head, tail = `{"n":`, `,"method":"signal","params":{`
	if !has(b, 0, head) {
		return 0
	}
	n, i := uintAt(b, len(head))
	if n == 0 || !has(b, i, tail) {
		return 0
	}
	m.Kind, m.N = Signal, n
	m.Method = b[i+len(`,"method":"`):][:len("signal")]
	return m.canonicalEvent(b, i+len(tail), lim)
}

// canonicalNumbered reads messages that begin with an id.
func (m *Msg) canonicalNumbered(b []byte, lim *Limits) int {
	const head = `{"id":`
	if !has(b, 0, head) {
		return 0
	}
	i := len(head)
	if b[i] == '"' {
		if i = m.own.scan.str(i + 1); i < 0 || i-len(head) > maxID {
			return 0
		}
	} else {
		n, end := uintAt(b, i)
		if end == i {
			return 0
		}
		m.Num, m.HasNum, i = n, true, end
	}
	m.ID = b[len(head):i]

	const (
		done    = `,"status":0,"response":`
		method  = `,"method":"`
		signal  = `signal","params":{`
		request = `request","params":{"sender":"`
	)
	switch {
	case has(b, i, `,"st`) && has(b, i, done):
		return m.canonicalReply(b, i+len(done), lim)
	case !has(b, i, method):
		return 0
	}
	i += len(method)
	m.Kind = Call
	switch {
	case has(b, i, signal):
		m.Method = b[i:][:len("signal")]
		return m.canonicalEvent(b, i+len(signal), lim)
	case has(b, i, request):
		m.Method = b[i:][:len("request")]
		return m.canonicalRequest(b, i+len(request), lim)
	}
	return 0
}

// canonicalReply reads a reply from its response on.
func (m *Msg) canonicalReply(b []byte, i int, lim *Limits) int {
	end := m.canonicalPayload(b, i, "}", lim, &m.Response)
	if end == 0 {
		return 0
	}
	m.Kind = Reply
	return end
}

// canonicalPayload reads a value that is passed on as it is, and the end of the message.
func (m *Msg) canonicalPayload(b []byte, i int, tail string, lim *Limits, to *[]byte) (end int) {
	switch {
	case i >= len(b) || b[i] <= ' ':
		return 0
	case lim.OneLine:
		end = m.lineOf(b, i, lim) - len(tail)
	default:
		end, m.DataBreaks = m.own.scan.opaque(i)
	}
	if end <= i || !has(b, end, tail) {
		return 0
	}
	*to = b[i:end]
	return end + len(tail)
}

// lineOf returns where the line ends that goes on at i; 0 when that is not known yet.
func (m *Msg) lineOf(b []byte, i int, lim *Limits) int {
	switch n := bytes.IndexByte(b[i:], '\n'); {
	case n >= 0:
		return i + n
	case lim.Framed:
		return len(b)
	}
	return 0
}

// canonicalRequest reads the params of a request from the sender's name on.
func (m *Msg) canonicalRequest(b []byte, i int, lim *Limits) int {
	const method, params = `,"method":"`, `,"params":`
	s := &m.own.scan
	start := i - len(`{"sender":"`)
	s.esc = false
	end := s.str(i)
	if end < 0 || !has(b, end, method) {
		return 0
	}
	m.Sender = b[i : end-1]
	i = end + len(method)
	if end = s.str(i); end < 0 || s.esc {
		return 0
	}
	m.Target = b[i : end-1]
	if !has(b, end, params) {
		if end = m.canonicalCause(b, end); end == 0 || !has(b, end, params) {
			return 0
		}
	}
	if end = m.canonicalPayload(b, end+len(params), "}}", lim, &m.Args); end == 0 {
		return 0
	}
	m.Params = b[start : end-1]
	return end
}

// canonicalCause reads the traceparent and the hops of a request, where they are.
func (m *Msg) canonicalCause(b []byte, i int) int {
	const traceparent, hops = `,"traceparent":"`, `,"hops":`
	if has(b, i, traceparent) {
		s := &m.own.scan
		i += len(traceparent)
		end := s.str(i)
		if end < 0 || s.esc {
			return 0
		}
		m.Traceparent = b[i : end-1]
		i = end
	}
	if has(b, i, hops) {
		i += len(hops)
		n, end := uintAt(b, i)
		if end == i || n > math.MaxUint32 {
			return 0
		}
		m.Hops = uint32(n)
		i = end
	}
	return i
}

// canonicalEvent reads the params of a signal from its first member on.
func (m *Msg) canonicalEvent(b []byte, i int, lim *Limits) int {
	const data = `,"data":`
	m.own.scan.values = 2 // number and method
	start := i - 1
	if has(b, i, `"l`) {
		if i = m.canonicalAudience(b, i); i == 0 {
			return 0
		}
	}
	if has(b, i, `"t`) {
		if i = m.canonicalTrace(b, i); i == 0 {
			return 0
		}
	}
	if i = m.canonicalInfo(b, i); i == 0 || !has(b, i, data) {
		return 0
	}
	i = m.canonicalPayload(b, i+len(data), "}}", lim, &m.Data)
	if i == 0 || m.own.scan.values > lim.values() {
		return 0
	}
	m.Params = b[start : i-1]
	return i
}

// canonicalAudience reads whom a signal is for.
func (m *Msg) canonicalAudience(b []byte, i int) int {
	const one, several = `"listener_id":`, `"listeners":[`
	switch {
	case has(b, i, several):
		return m.canonicalListeners(b, i+len(several))
	case has(b, i, one):
		return m.canonicalListener(b, i+len(one))
	}
	return 0
}

func (m *Msg) canonicalListener(b []byte, i int) int {
	_, end := uintAt(b, i)
	if end == i {
		if i >= len(b) || b[i] != '"' {
			return 0
		}
		if end = m.own.scan.str(i + 1); end < 0 {
			return 0
		}
	}
	if end >= len(b) || b[end] != ',' {
		return 0
	}
	m.own.scan.values++
	m.ListenerID = b[i:end]
	return end + 1
}

func (m *Msg) canonicalListeners(b []byte, i int) int {
	ids := m.own.listeners[:0]
	for {
		n, end := uintAt(b, i)
		if end == i || end >= len(b) || n > math.MaxUint32 {
			return 0
		}
		ids = append(ids, uint32(n))
		i = end + 1
		if b[end] == ',' {
			continue
		}
		if b[end] != ']' || i >= len(b) || b[i] != ',' {
			return 0
		}
		m.own.listeners, m.Listeners = ids, ids
		m.own.scan.values += 1 + len(ids)
		return i + 1
	}
}

// canonicalTrace reads the traceparent of a signal.
func (m *Msg) canonicalTrace(b []byte, i int) int {
	const head = `"traceparent":"`
	if !has(b, i, head) {
		return 0
	}
	i += len(head)
	end := m.own.scan.str(i)
	if end < 0 || end >= len(b) || b[end] != ',' {
		return 0
	}
	m.own.scan.values++
	m.Traceparent = b[i : end-1]
	return end + 1
}

// canonicalInfo reads the info of a signal. Signals come in runs: an info of the same
// bytes as the last one needs no second look.
func (m *Msg) canonicalInfo(b []byte, i int) int {
	const head = `"info":{`
	if !has(b, i, head) {
		return 0
	}
	i += len(head) - 1
	end := m.info(i)
	if end < 0 || m.own.scan.lone {
		return 0
	}
	m.Info = b[i:end]
	return end
}

// info checks an info, which begins at i. Signals come in runs: one of the same bytes
// as the last needs no second look.
func (m *Msg) info(i int) (end int) {
	own := m.own
	s := &own.scan
	if n := len(own.info); n > 0 && n <= len(s.b)-i && string(s.b[i:i+n]) == string(own.info) {
		s.values += own.values
		return i + n
	}
	before := s.values
	if end = s.value(i); end >= 0 && !s.lone {
		own.remember(s.b[i:end], s.values-before)
	}
	return end
}

// remember keeps a copy of an info that is a flat object: whether a deeper one is too
// deep depends on the limits of the moment.
func (own *memory) remember(info []byte, values int) {
	const longest = 600 // two names of 255 bytes fit
	if len(info) > longest || info[0] != '{' {
		return
	}
	for _, c := range info[1:] {
		if c == '{' || c == '[' {
			return
		}
	}
	own.info, own.values = append(own.info[:0], info...), values
}
