package channel

import (
	"hash/crc32"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter/sig"
)

// Bounds of what an assembler holds.
const (
	defaultMaxSize = 128 << 20
	mostUnfinished = 10
	staleAfter     = 30 * time.Second // without a part, a message makes room for others
)

// An assembler puts the parts of large messages together, for one subscriber.
type assembler struct {
	e       *endpoint
	maxSize int
	deliver func(e sig.Event, data any)

	mu         sync.Mutex
	unfinished map[assemblyKey]*assembly
	bytes      int           // held of all unfinished messages
	gaveUp     []assemblyKey // to be told of
}

// An assemblyKey is a publisher and its number for a message.
type assemblyKey struct {
	sender string
	id     uint64
}

// An assembly is a message of which some parts have come.
type assembly struct {
	next int
	data []byte
	last time.Time
}

func newAssembler(maxSize int, e *endpoint, deliver func(sig.Event, any)) *assembler {
	if maxSize < 1 {
		maxSize = defaultMaxSize
	}
	return &assembler{e: e, maxSize: maxSize, deliver: deliver, unfinished: map[assemblyKey]*assembly{}}
}

// part takes a part that came.
func (a *assembler) part(e sig.Event) {
	p, err := readPart(e.Data)
	if err == nil {
		err = p.check()
	}
	if err != nil {
		a.e.party.report(lost(a.e.channel, "a part of a message of %s makes no sense: %v", e.Sender, err))
		return
	}
	if p.To != "" && p.To != a.e.name {
		return
	}
	data, have, gaveUp, err := a.add(e.Sender, p)
	if err != nil {
		a.e.party.report(err)
	}
	for _, m := range gaveUp {
		a.answer(got{m.sender, m.id, notWanted})
		a.e.party.report(lost(a.e.channel, "a message of %s was given up unfinished: there were too many at once, or its parts stopped coming", m.sender))
	}
	if have == notWanted || have > 0 && (have%gotEach == 0 || have == p.Count) {
		a.answer(got{e.Sender, p.ID, have})
	}
	if data == nil {
		return
	}
	if p.Bytes {
		a.deliver(e, data)
	} else {
		a.deliver(e, &sig.Raw{Codec: checkedJSON{}, Bytes: data})
	}
}

// checkedJSON is JSON that nobody has looked at yet: unlike in other payloads, mistakes in it
// are its reader's to find.
type checkedJSON struct{ sig.JSON }

// add appends a part to its message. It returns the message when that is complete, what to
// answer: how many parts there are, notWanted, or 0 for nothing; and the messages given up
// meanwhile.
func (a *assembler) add(sender string, p *part) (data []byte, have int, gaveUp []assemblyKey, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	data, have, err = a.append(assemblyKey{sender, p.ID}, p)
	gaveUp, a.gaveUp = a.gaveUp, nil
	return data, have, gaveUp, err
}

func (a *assembler) append(key assemblyKey, p *part) (data []byte, have int, err error) {
	m := a.unfinished[key]
	if m == nil {
		if p.Index > 0 {
			return nil, 0, nil // its beginning was before the subscription, or it was given up
		}
		if m, err = a.begin(key, p); err != nil {
			return nil, notWanted, err
		}
	}
	switch {
	case p.Index < m.next:
		return nil, 0, nil // sent again after a reconnect
	case p.Index > m.next:
		a.forget(key)
		return nil, notWanted, lost(a.e.channel, "part %d of a message of %s did not come", m.next, key.sender)
	case len(m.data)+len(p.Data) > p.Size:
		a.forget(key)
		return nil, notWanted, lost(a.e.channel, "a message of %s is longer than it said", key.sender)
	}
	m.append(p)
	a.bytes += len(p.Data)
	if m.next < p.Count {
		a.makeRoom(key)
		return nil, m.next, nil
	}
	a.forget(key)
	if len(m.data) != p.Size || crc32.Checksum(m.data, castagnoli) != p.Sum {
		return nil, m.next, lost(a.e.channel, "a message of %s arrived damaged", key.sender)
	}
	return m.data, m.next, nil
}

// append takes the data of the next part. It reserves memory as parts come, not as they
// promise.
func (m *assembly) append(p *part) {
	if need := len(m.data) + len(p.Data); need > cap(m.data) {
		m.data = append(make([]byte, 0, min(p.Size, max(2*need, 1<<20))), m.data...)
	}
	m.data = append(m.data, p.Data...)
	m.next++
	m.last = time.Now()
}

// begin starts a message. a.mu is held.
func (a *assembler) begin(key assemblyKey, p *part) (*assembly, error) {
	if p.Size > a.maxSize {
		return nil, lost(a.e.channel, "a message of %s has %d bytes; the subscriber takes %d (MaxSize)", key.sender, p.Size, a.maxSize)
	}
	m := &assembly{last: time.Now()}
	a.unfinished[key] = m
	a.makeRoom(key)
	return m, nil
}

// makeRoom gives up messages other than the one until the bounds are kept: first those that
// have had no part for long, then those that waited longest for one. a.mu is held.
func (a *assembler) makeRoom(keep assemblyKey) {
	for {
		var oldest assemblyKey
		var at time.Time
		for key, m := range a.unfinished {
			if key != keep && (at.IsZero() || m.last.Before(at)) {
				oldest, at = key, m.last
			}
		}
		full := len(a.unfinished) > mostUnfinished || a.bytes > 2*a.maxSize
		if at.IsZero() || !full && time.Since(at) < staleAfter {
			return
		}
		a.forget(oldest)
		a.gaveUp = append(a.gaveUp, oldest)
	}
}

func (a *assembler) forget(key assemblyKey) {
	a.bytes -= len(a.unfinished[key].data)
	delete(a.unfinished, key)
}

// answer tells the publisher. What fails is not worth a word: it waits for nobody for long.
func (a *assembler) answer(g got) {
	if sg, err := a.e.signal(a.e.channel + gotEvent); err == nil {
		_ = sg.Trigger(g)
	}
}
