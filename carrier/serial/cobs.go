package serial

import (
	"encoding/binary"
	"hash/crc32"
)

// cobs is the framing for lossy lines: consistent overhead byte stuffing around the
// frame and its CRC-32 (IEEE, the one of zlib and Ethernet; four bytes, most
// significant first), with a zero byte before and after. The doubled zero costs a byte
// and keeps the next frame when one zero is damaged.
type cobs struct{}

const crcSize = 4

func (cobs) delimiter() byte { return 0 }
func (cobs) textOnly() bool  { return false }
func (cobs) room(n int) int  { n += crcSize; return n + n/254 + 1 }

func (cobs) decode(seg []byte) ([]byte, verdict) {
	if len(seg) == 0 {
		return nil, blank
	}
	p, ok := unstuff(seg)
	if !ok || len(p) <= crcSize {
		return nil, bad
	}
	frame, sum := p[:len(p)-crcSize], p[len(p)-crcSize:]
	switch {
	case crc32.ChecksumIEEE(frame) != binary.BigEndian.Uint32(sum):
		return nil, bad
	case isStart(frame):
		return nil, mark
	}
	return frame, good
}

// unstuff decodes p in place.
func unstuff(p []byte) ([]byte, bool) {
	out := p[:0]
	for len(p) > 0 {
		n := int(p[0])
		if n == 0 || n > len(p) {
			return nil, false
		}
		out = append(out, p[1:n]...) // never overtakes the reading: it lags by the count
		p = p[n:]
		if n < 255 && len(p) > 0 {
			out = append(out, 0)
		}
	}
	return out, true
}

func (cobs) append(dst, head, body []byte) []byte {
	sum := crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, body)
	s := stuffer{dst: append(dst, 0)}
	s.begin()
	s.add(head)
	s.add(body)
	s.add(binary.BigEndian.AppendUint32(nil, sum))
	return append(s.end(), 0)
}

// A stuffer appends bytes to dst so that none of them is zero: each run of up to 254
// bytes that are not, behind a count which stands for the zero after it.
type stuffer struct {
	dst   []byte
	count int // index of the open run's count
	full  bool
}

func (s *stuffer) begin() {
	s.count = len(s.dst)
	s.dst = append(s.dst, 0)
	s.full = false
}

func (s *stuffer) add(p []byte) {
	for _, b := range p {
		if s.full { // a full run stands for no zero, so the next begins here
			s.begin()
		}
		if b == 0 {
			s.close()
			s.begin()
			continue
		}
		s.dst = append(s.dst, b)
		if len(s.dst)-s.count == 255 {
			s.close()
			s.full = true
		}
	}
}

func (s *stuffer) close() { s.dst[s.count] = byte(len(s.dst) - s.count) }

func (s *stuffer) end() []byte {
	if !s.full {
		s.close()
	}
	return s.dst
}
