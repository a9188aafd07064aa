package channel

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"hash/crc32"
	"slices"

	"github.com/sigrouter/sigrouter/sig"
)

// A part is a piece of a message that is too large to be sent whole.
type part struct {
	// To names the only subscriber that it is for; "" for all.
	To string `json:"to,omitempty"`
	// ID tells the messages of one publisher apart.
	ID uint64 `json:"id"`
	// Index counts the parts of a message from 0; there are Count of them.
	Index int `json:"i"`
	Count int `json:"n"`
	// Size is that of the message, in bytes.
	Size int `json:"size"`
	// Bytes says that the message is bytes as they are, not JSON.
	Bytes bool `json:"bytes,omitempty"`
	// Sum is the CRC-32 of the message, in the last part.
	Sum uint32 `json:"sum,omitempty"`
	// Data is what the part carries. As JSON it comes last.
	Data []byte `json:"data,omitempty"`
}

// dataMember is how the data of a part begins. Within a text of JSON, quotes are escaped: it
// cannot be part of one.
const dataMember = `"data":"`

// raw returns the part as JSON. Encoding/json would look at the data several times.
func (p *part) raw() (*sig.Raw, error) {
	head := *p
	head.Data = nil
	b, err := sig.JSON{}.Marshal(head)
	if err != nil {
		return nil, err
	}
	b = append(slices.Grow(b[:len(b)-1], base64.StdEncoding.EncodedLen(len(p.Data))+len(dataMember)+8), ","+dataMember...)
	b = base64.StdEncoding.AppendEncode(b, p.Data)
	return &sig.Raw{Codec: sig.JSON{}, Bytes: append(b, `"}`...)}, nil
}

// readPart is the reverse of raw, and reads every other form of a part as well.
func readPart(data any) (*part, error) {
	if raw, ok := data.(*sig.Raw); ok {
		if p := readRawPart(raw.Bytes); p != nil {
			return p, nil
		}
	}
	p, err := sig.As[*part](data)
	if err == nil && p == nil {
		err = sig.Errorf(sig.ErrMalformed, "it is empty")
	}
	return p, err
}

// readRawPart reads what raw has made; nil when it is not that.
func readRawPart(b []byte) *part {
	at := bytes.Index(b, []byte(","+dataMember))
	tail, ok := bytes.CutSuffix(b, []byte(`"}`))
	if at < 0 || !ok || at+1+len(dataMember) > len(tail) {
		return nil
	}
	var p part
	if err := json.Unmarshal(append(slices.Clone(b[:at]), '}'), &p); err != nil {
		return nil
	}
	text := tail[at+1+len(dataMember):]
	p.Data = make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(p.Data, text)
	if err != nil {
		return nil
	}
	p.Data = p.Data[:n]
	return &p
}

// A got says how many parts of a message a subscriber has; less than 0: it wants no more.
type got struct {
	To   string `json:"to"` // the publisher
	ID   uint64 `json:"id"`
	Have int    `json:"have"`
}

// notWanted is what a subscriber answers that cannot put a message together.
const notWanted = -1

// Pace of the parts. A publisher sends mostAhead parts beyond those the router has had, and
// mostBehind beyond those that the slowest subscriber has had: with parts of 64 KiB that
// is half a megabyte in its own queue and one in the router's.
const (
	defaultPart = 64 << 10
	mostPart    = 512 << 10 // as text it is a third longer, and has to fit into a message
	mostAhead   = 8
	mostBehind  = 16
	markEach    = 4
	gotEach     = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// partOf cuts one part out of a message.
func partOf(id uint64, data []byte, size, index int, raw bool, to string) *part {
	p := &part{To: to, ID: id, Index: index, Count: (len(data) + size - 1) / size, Size: len(data), Bytes: raw}
	p.Data = data[index*size : min((index+1)*size, len(data))]
	if index == p.Count-1 {
		p.Sum = crc32.Checksum(data, castagnoli)
	}
	return p
}

// check reports what is wrong with a part that came.
func (p *part) check() error {
	switch {
	case p.Count < 1 || p.Index < 0 || p.Index >= p.Count:
		return sig.Errorf(sig.ErrMalformed, "it says that it is part %d of %d", p.Index, p.Count)
	case p.Size < p.Count || len(p.Data) == 0 || len(p.Data) > p.Size:
		return sig.Errorf(sig.ErrMalformed, "it carries %d bytes of %d in %d parts", len(p.Data), p.Size, p.Count)
	}
	return nil
}
