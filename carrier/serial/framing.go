package serial

import "bytes"

// A verdict is what a piece of the line between two delimiters turned out to be.
type verdict int

const (
	blank    verdict = iota // nothing: delimiters may be doubled
	good                    // a frame
	salvaged                // a frame, behind something that is none
	mark                    // the other end has just opened the line
	bad                     // neither
)

// startMark is what a Conn sends when it has opened the port, as a frame. It tells the
// other end, if that has been running, that this end knows nothing of what was before.
const startMark = "#start"

// A framing divides the line into frames.
type framing interface {
	// delimiter is the byte that ends every frame and occurs in none.
	delimiter() byte
	// decode takes apart what stands between two delimiters. The frame is a part of
	// seg, whose bytes it may change.
	decode(seg []byte) (frame []byte, v verdict)
	// append appends the frame made of head and body with its delimiters.
	append(dst, head, body []byte) []byte
	// textOnly reports whether frames are JSON alone.
	textOnly() bool
	// room is how many bytes a frame of n bytes takes at most, without delimiters.
	room(n int) int
}

// appendStart appends the start mark, with a delimiter before it that ends whatever
// was cut off.
func appendStart(dst []byte, f framing) []byte {
	dst = append(dst, f.delimiter())
	return f.append(dst, []byte(startMark), nil)
}

func isStart(frame []byte) bool { return bytes.Equal(frame, []byte(startMark)) }
